import { hash } from 'node:crypto'
import { type ParticipantKind, participantKinds } from '@rollcall/protocol'
import type { SessionTimes } from '../session-times.ts'

// The sessions of a day in a few bytes each, so that what sums up a year reads days, and not sessions: first who was there, each by
// the beginning of a digest of their id, then each session in order of time, with who was inside and from when to when. Numbers are
// of seven bits a byte, the lowest first, and mostly differences.

/** Of somebody's id: who has the same is the same. At a million people two are taken for one with a chance of 1 in 37 million. */
export type PersonDigest = { high: number; low: number }
const digestBytes = 8

/** Room for a kind beside the number of a person: the place of a kind in `participantKinds` stays what it is. */
const kindsMax = 16

export function digestPerson(participantId: string): PersonDigest {
  const bytes = hash('sha256', participantId, 'buffer')
  return { high: bytes.readUInt32LE(0), low: bytes.readUInt32LE(4) }
}

export type DayPacker = {
  /** In order of time; one that comes in parts, one after the other. */
  add(session: SessionTimes): void
  /** How many sessions, and their text. */
  finish(): { sessions: number; packed: string }
}

/** @param dayStart epoch milliseconds, as are all times here */
export function createDayPacker(dayStart: number): DayPacker {
  const people = new Map<string, number>()
  const digests: PersonDigest[] = []
  const body = createBytes()
  let sessions = 0
  let before = dayStart
  let open: { of: SessionTimes; stays: number[] } | undefined

  const close = () => {
    if (open === undefined) return
    const { startAt, endAt } = open.of
    for (const number of [startAt - before, (endAt ?? startAt) - startAt, open.stays.length / 3]) body.add(number)
    for (const number of open.stays) body.add(number)
    before = startAt
    sessions += 1
    open = undefined
  }
  /** 0: somebody new; else how many others came new since they did, and one. */
  const numberOf = (participantId: string): number => {
    const known = people.get(participantId)
    if (known !== undefined) return people.size - known
    people.set(participantId, people.size)
    digests.push(digestPerson(participantId))
    return 0
  }

  return {
    add(session) {
      if (open?.of.id !== session.id) close()
      open ??= { of: session, stays: [] }
      for (const { participantId, kind, times } of session.people) {
        for (const { from, to } of times) {
          const until = to ?? session.endAt ?? from
          const who = numberOf(participantId) * kindsMax + participantKinds.indexOf(kind)
          open.stays.push(from - session.startAt, until - from, who)
        }
      }
    },
    finish() {
      close()
      const head = createBytes()
      head.add(digests.length)
      head.add(sessions)
      const ids = Buffer.alloc(digests.length * digestBytes)
      for (const [i, { high, low }] of digests.entries()) {
        ids.writeUInt32LE(high, i * digestBytes)
        ids.writeUInt32LE(low, i * digestBytes + 4)
      }
      return { sessions, packed: Buffer.concat([head.bytes(), ids, body.bytes()]).toString('base64') }
    },
  }
}

/** What is read of a day: a session, and then each time that somebody was inside it. `person`: their number in the day. */
export type DayReader = {
  /** How many people it tells of. */
  people: number
  digestOf(person: number): PersonDigest
  /** The next session; false at the end. */
  nextSession(): boolean
  /** The next time inside of this session; false where there is no more. */
  nextStay(): boolean
  startAt: number
  endAt: number
  person: number
  kind: ParticipantKind
  from: number
  to: number
}

/** Reads what was packed, as it goes along: a day may have a hundred thousand times inside. */
export function readDay(dayStart: number, packed: string): DayReader {
  const bytes = Buffer.from(packed, 'base64')
  let at = 0
  const next = (): number => {
    let number = 0
    for (let place = 1; ; place *= 128) {
      const byte = bytes[at++] ?? 0
      if (byte < 128) return number + byte * place
      number += (byte - 128) * place
    }
  }
  const people = next()
  let sessionsLeft = next()
  const idsAt = at
  at += people * digestBytes
  let met = 0
  let staysLeft = 0
  const reader: DayReader = {
    ...{ people, startAt: dayStart, endAt: 0, person: 0, kind: 'person', from: 0, to: 0 },
    digestOf(person) {
      const place = idsAt + person * digestBytes
      return { high: bytes.readUInt32LE(place), low: bytes.readUInt32LE(place + 4) }
    },
    nextSession() {
      while (staysLeft > 0) reader.nextStay()
      if (sessionsLeft === 0) return false
      sessionsLeft -= 1
      reader.startAt += next()
      reader.endAt = reader.startAt + next()
      staysLeft = next()
      return true
    },
    nextStay() {
      if (staysLeft === 0) return false
      staysLeft -= 1
      reader.from = reader.startAt + next()
      reader.to = reader.from + next()
      const who = next()
      const back = Math.floor(who / kindsMax)
      reader.person = back === 0 ? met++ : met - back
      reader.kind = participantKinds[who % kindsMax] ?? 'person'
      return true
    },
  }
  return reader
}

function createBytes() {
  let bytes = Buffer.alloc(1024)
  let length = 0
  return {
    add(number: number) {
      // Ten bytes hold any whole number there is.
      if (length + 10 > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2)
      let left = number
      for (; left >= 128; left = Math.floor(left / 128)) bytes[length++] = (left % 128) + 128
      bytes[length++] = left
    },
    bytes: () => bytes.subarray(0, length),
  }
}
