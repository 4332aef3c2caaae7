import type { SessionFact } from '@rollcall/protocol'
import { type ModelSession, modelNamed, modelUnnamed } from '../packages/server/test/ledger/model.ts'
import type { Visit } from './people.ts'

/** A session as the API shows it, in the words of the reference model. */
export type SeenSession = ModelSession & { id: string; room: string }

/** What is wrong, in words. */
export type Wrongs = {
  /** What was acknowledged and is not there. */
  lost: string[]
  doubled: string[]
  /** Sessions that the reference model, or whoever was in them, knows otherwise. */
  different: string[]
}

/** The server looks whether somebody is gone at least this often, in milliseconds, however loaded its machine is. */
const noticeMs = 10_000

/** Compares each session with what the reference model makes of the same facts. */
export function compareWithModel(facts: SessionFact[], graceMs: number, seen: SeenSession[]): string[] {
  const different: string[] = []
  const once = [...new Map(facts.map((fact) => [`${fact.source} ${fact.id}`, fact])).values()]
  for (const [room, ofRoom] of Map.groupBy(once, (fact) => fact.roomId)) {
    const isNamed = ofRoom[0]?.sessionKey !== undefined
    const expected = (isNamed ? modelNamed(ofRoom) : modelUnnamed(ofRoom, graceMs)).map(toText)
    const found = seen.filter((one) => one.room === room).map(({ id: _, room: __, ...session }) => toText(session))
    for (const text of expected) {
      const at = found.indexOf(text)
      if (at === -1) different.push(`${room}: ${text} has to be there`)
      else found.splice(at, 1)
    }
    for (const text of found) different.push(`${room}: ${text} is there`)
  }
  return different
}

function toText({ start, end, people }: ModelSession): string {
  const inOrder = people.map(({ id, name, timelog }) => ({
    id,
    name,
    timelog: timelog.map(({ start, end, reason, inferred }) => ({ start, end, reason, inferred })),
  }))
  return JSON.stringify({ start, end, people: inOrder })
}

/** Compares the sessions of hosted rooms with what the people who were there know. */
export function compareWithVisits(visits: Visit[], seen: SeenSession[]): Wrongs {
  const wrongs: Wrongs = { lost: [], doubled: [], different: [] }
  for (const [who, ofPerson] of Map.groupBy(visits, ({ roomId, participantId }) => `${roomId} ${participantId}`)) {
    const entries = seen
      .flatMap(({ room, people }) => people.filter(({ id }) => `${room} ${id}` === who))
      .flatMap(({ timelog }) => timelog)
      .sort((a, b) => a.start - b.start)
    for (const visit of ofPerson) {
      while (entries[0] !== undefined && entries[0].start < visit.askedAt) {
        wrongs.doubled.push(`${who}: ${JSON.stringify(entries.shift())} is nobody's visit`)
      }
      const [entry] = entries
      const isThere = entry !== undefined && entry.start <= (visit.joinedAt ?? visit.overAt ?? 0)
      if (!isThere && visit.joinedAt !== undefined) wrongs.lost.push(`${who}: ${JSON.stringify(visit)}`)
      if (!isThere) continue
      entries.shift()
      const { end, inferred } = entry
      const { leavingAt = entry.start, leftAt, overAt = 0 } = visit
      const isRight =
        leftAt === undefined
          ? end !== null && end >= entry.start && end <= overAt + noticeMs
          : end !== null && leavingAt <= end && end <= leftAt && inferred === undefined
      if (!isRight) wrongs.different.push(`${who}: ${JSON.stringify(visit)} is ${JSON.stringify(entry)}`)
    }
    for (const entry of entries) wrongs.doubled.push(`${who}: ${JSON.stringify(entry)} is nobody's visit`)
  }
  return wrongs
}
