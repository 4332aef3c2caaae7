import { hash } from 'node:crypto'
import { endianness } from 'node:os'
import { participantKinds } from '@rollcall/protocol'
import type { SessionTimes } from '../../store/sessions/times.ts'
import { createBytes, unpackNumbers } from './bytes.ts'
import { createRoomPacker } from './packed-rooms.ts'

// The sessions of a day in a few bytes each, so that what sums up a year reads days, and not sessions: first who was there, each by
// the beginning of a digest of their id, then each session in order of time, with who was inside and from when to when. Numbers are
// of seven bits a byte, the lowest first, and mostly differences.

/** Of somebody's id: who has the same is the same. At a million people two are taken for one with a chance of 1 in 37 million. */
export type PersonDigest = { high: number; low: number }
const digestBytes = 8
const isLittleEndian = endianness() === 'LE'

/** Room for a kind beside the number of a person: the place of a kind in `participantKinds` stays what it is. */
const kindsMax = 16

export function digestPerson(participantId: string): PersonDigest {
  const bytes = hash('sha256', participantId, 'buffer')
  return { high: bytes.readInt32LE(0), low: bytes.readInt32LE(4) }
}

export type DayPacker = {
  /** In order of time; one that comes in parts, one after the other. */
  add(session: SessionTimes): void
  /** How many sessions, their text, and that of their rooms. */
  finish(): { sessions: number; packed: string; rooms: string }
}

/** @param dayStart epoch milliseconds, as are all times here */
export function createDayPacker(dayStart: number): DayPacker {
  const people = new Map<string, number>()
  const digests: PersonDigest[] = []
  const body = createBytes()
  const rooms = createRoomPacker()
  let sessions = 0
  let before = dayStart
  let open: { of: SessionTimes; stays: number[] } | undefined

  const close = () => {
    if (open === undefined) return
    const { startAt, endAt } = open.of
    for (const number of [startAt - before, (endAt ?? startAt) - startAt, open.stays.length / 3]) body.add(number)
    for (const number of open.stays) body.add(number)
    rooms.add(open.of.roomId)
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
        ids.writeInt32LE(high, i * digestBytes)
        ids.writeInt32LE(low, i * digestBytes + 4)
      }
      const packed = Buffer.concat([head.bytes(), ids, body.bytes()]).toString('base64')
      return { sessions, packed, rooms: rooms.finish() }
    },
  }
}

/** Numbers that are unpacked together. */
const numbersTogether = 4096

/** Reads what was packed, as it goes along: a day may have a hundred thousand times inside. Times are milliseconds since the day began. */
export class DayReader {
  #bytes: Buffer
  #at = 0
  #end: number
  #numbers: Float64Array
  #numbersAt = 0
  #numbersEnd = 0
  /** Of each person two words. */
  #digests: Int32Array
  #sessionsLeft: number
  #staysLeft = 0
  /** People who were told of so far. */
  #met = 0
  /** How many people it tells of. */
  readonly people: number
  /** Of the session; `stays`: how often somebody was inside. */
  startAt = 0
  endAt = 0
  stays = 0
  /** Of the time inside; `person`: their number in this day. */
  from = 0
  to = 0
  person = 0
  /** Of their kind, in `participantKinds`. */
  kindPlace = 0

  /** @param over another that is done with: its memory is used again */
  constructor(packed: string, over?: DayReader) {
    const length = Math.ceil(packed.length * 0.75)
    const given = over === undefined ? 0 : over.#bytes.length
    this.#bytes = over === undefined || given < length ? Buffer.alloc(2 * length) : over.#bytes
    this.#numbers = over === undefined ? new Float64Array(numbersTogether) : over.#numbers
    this.#end = this.#bytes.write(packed, 'base64')
    this.#unpack(2)
    this.people = this.#next()
    this.#sessionsLeft = this.#next()
    const words = 2 * this.people
    this.#digests = over !== undefined && over.#digests.length >= words ? over.#digests : new Int32Array(2 * words)
    const digests = this.#bytes.subarray(this.#at, this.#at + this.people * digestBytes)
    if (isLittleEndian) new Uint8Array(this.#digests.buffer).set(digests)
    else for (let n = 0; n < words; n++) this.#digests[n] = digests.readInt32LE(4 * n)
    this.#at += digests.length
  }

  /** The digest of a person, in two words. */
  highOf(person: number): number {
    return this.#digests[2 * person] ?? 0
  }
  lowOf(person: number): number {
    return this.#digests[2 * person + 1] ?? 0
  }

  /** Goes on to the next session; false at the end. */
  nextSession(): boolean {
    while (this.#staysLeft > 0) this.nextStay()
    if (this.#sessionsLeft === 0) return false
    this.#sessionsLeft -= 1
    this.startAt += this.#next()
    this.endAt = this.startAt + this.#next()
    this.stays = this.#next()
    this.#staysLeft = this.stays
    return true
  }

  /** Goes on to the next time that somebody was inside this session; false where there is no more. */
  nextStay(): boolean {
    if (this.#staysLeft === 0) return false
    this.#staysLeft -= 1
    this.from = this.startAt + this.#next()
    this.to = this.from + this.#next()
    const who = this.#next()
    const back = Math.floor(who / kindsMax)
    this.person = back === 0 ? this.#met++ : this.#met - back
    this.kindPlace = who - back * kindsMax
    return true
  }

  #next(): number {
    if (this.#numbersAt === this.#numbersEnd) this.#unpack(numbersTogether)
    return this.#numbers[this.#numbersAt++] ?? 0
  }

  /** Unpacks so many of the next numbers, or all that are left. */
  #unpack(most: number): void {
    const place = { at: this.#at, end: this.#end, most }
    const { count, at } = unpackNumbers(this.#bytes, place, this.#numbers)
    this.#at = at
    this.#numbersAt = 0
    this.#numbersEnd = count
  }
}
