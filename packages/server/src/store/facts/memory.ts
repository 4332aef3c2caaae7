import type { Change } from '@rollcall/protocol'
import type { Insertable } from 'kysely'
import type { Mark, Participant, Session } from '../../ledger/state.ts'
import type { Tables } from '../database/tables.ts'
import { addToMedium, firstMedia, toMediaRow } from '../media.ts'
import type { AppliedFacts } from './applied.ts'
import { nameOf } from './held.ts'
import { compareText, toChangeRow } from './pending-rows.ts'

type MediaRow = Insertable<Tables['media']>

/** All that there is of one session. */
export type WholeSession = {
  session: Session
  people: Map<string, Participant>
  /** By participant, in whatever order. */
  marks: Map<string, Mark[]>
  media: MediaRow[]
}

type Held = Omit<WholeSession, 'media'> & {
  media: Map<string, MediaRow>
  /** Whether it ever had a leave that nobody says the time of. */
  hasUndated: boolean
  /** About how many rows it has: everybody has marks. */
  size: number
}

/** The sessions of one key as far as its log is folded, in memory alone. What is not held there is not there. */
export type Memory = AppliedFacts & {
  get(sessionId: string): WholeSession | undefined
  /** All that are held. */
  list(): WholeSession[]
  /** Lets a session go of which nothing is told any more. */
  forget(sessionId: string): void
  /** Gives the changes since it was last called, in order. */
  takeChanges(): Insertable<Tables['changes']>[]
  /** How many rows are held. */
  size(): number
}

export function openMemory(keyId: number): Memory {
  const sessions = openSessions()
  const changes: Insertable<Tables['changes']>[] = []
  const all = () => [...sessions.byId.values()]
  return {
    get(sessionId) {
      const held = sessions.byId.get(sessionId)
      return held && toWhole(held)
    },
    list: () => all().map(toWhole),
    forget: sessions.forget,
    takeChanges: () => changes.splice(0),
    size: () => all().reduce((sum, { size }) => sum + size, 0),
    ...sessions.names.find((id) => sessions.byId.get(id)?.session),
    ...scan(sessions),
    ...write(sessions, keyId),
    appendChange(_, change: Change, recordedAt) {
      changes.push(toChangeRow(keyId, change, recordedAt))
    },
  }
}

type Sessions = ReturnType<typeof openSessions>

function openSessions() {
  const byId = new Map<string, Held>()
  const names = createNames()
  return {
    byId,
    names,
    need(sessionId: string): Held {
      const held = byId.get(sessionId)
      if (held === undefined) throw new Error(`session ${sessionId} is not held`)
      return held
    },
    put(session: Session): void {
      const held = byId.get(session.id)
      if (held !== undefined) {
        held.session = session
        return
      }
      const nothing = { people: new Map(), marks: new Map(), media: new Map(), hasUndated: false, size: 1 }
      byId.set(session.id, { session, ...nothing })
      names.add(session)
    },
    forget(sessionId: string): void {
      const held = byId.get(sessionId)
      if (held !== undefined) names.forget(held.session)
      byId.delete(sessionId)
    },
  }
}

function scan({ byId }: Sessions) {
  const peopleOf = (sessionId: string) => [...(byId.get(sessionId)?.people.values() ?? [])]
  return {
    getSession: (_, sessionId) => byId.get(sessionId)?.session,
    async listRunning(_, source, roomId) {
      const isOfIt = (one: Session) => one.source === source && (roomId === '' || one.roomId === roomId)
      return [...byId.values()].map(({ session }) => session).filter((one) => one.endAt === null && isOfIt(one))
    },
    listMarks: (_, sessionId, participantId) => byId.get(sessionId)?.marks.get(participantId) ?? [],
    listAllMarks: async (_, sessionId) => [...(byId.get(sessionId)?.marks.values() ?? [])].flat().sort(byName),
    listInside: async (_, sessionId) => peopleOf(sessionId).filter(isInside).sort(byPerson),
    async listUndated(_, sessionId, at) {
      const held = byId.get(sessionId)
      if (held?.hasUndated !== true) return []
      const isUndated = ({ arrivedAt }: Mark) => arrivedAt !== null && arrivedAt > at
      return [...held.marks].flatMap(([id, marks]) => (marks.some(isUndated) ? id : [])).sort(compareText)
    },
    async othersLastAt(_, sessionId, participantId) {
      const others = peopleOf(sessionId).filter((one) => one.participantId !== participantId)
      return others.reduce((last, { lastAt }) => Math.max(last, lastAt ?? 0), 0)
    },
    async pastEndMs(_, sessionId, endedAt) {
      const inside = peopleOf(sessionId).filter(isInside)
      return inside.reduce((sum, { lastAt }) => sum + Math.max(0, (lastAt ?? 0) - endedAt), 0)
    },
  } satisfies Partial<AppliedFacts>
}

function write({ put, need }: Sessions, keyId: number) {
  return {
    saveSession: (_, session) => put(session),
    saveParticipant(_, sessionId, participant) {
      const held = need(sessionId)
      held.people.set(participant.participantId, participant)
    },
    insertMark(_, sessionId, mark) {
      const held = need(sessionId)
      const ofPerson = held.marks.get(mark.participantId)
      if (ofPerson === undefined) held.marks.set(mark.participantId, [mark])
      else ofPerson.push(mark)
      held.hasUndated ||= mark.arrivedAt !== null
      held.size += 1
    },
    removeMark(_, sessionId, mark) {
      const held = need(sessionId)
      const ofPerson = held.marks.get(mark.participantId) ?? []
      ofPerson.splice(ofPerson.indexOf(mark), 1)
      held.size -= 1
    },
    async emptySession(_, sessionId) {
      const held = need(sessionId)
      held.people.clear()
      held.marks.clear()
      held.size = 1 + held.media.size
    },
    saveMedium(_, sessionId, medium) {
      const held = need(sessionId)
      const row = toMediaRow(keyId, sessionId, medium)
      const name = JSON.stringify([row.participant_id, row.kind, row.media_id])
      const known = held.media.get(name)
      if (known === undefined) held.size += 1
      held.media.set(name, known === undefined ? row : addToMedium(known, row))
    },
  } satisfies Partial<AppliedFacts>
}

function toWhole({ session, people, marks, media }: Held): WholeSession {
  return { session, people, marks, media: firstMedia([...media.values()]) }
}

/** Rooms of which the latest session is known that is not held any more: those that were told of last. */
const latestMax = 50_000

/** By what sessions are found. Of unnamed ones the latest is known though it is not held any more. */
function createNames() {
  const ids = new Map<string, Set<string>>()
  const latest = new Map<string, Session>()
  const isLater = (one: Session, other: Session | undefined) =>
    other === undefined || (one.startAt ?? 0) >= (other.startAt ?? 0)
  return {
    add(session: Session) {
      const name = nameOf(session)
      const known = ids.get(name)
      if (known === undefined) ids.set(name, new Set([session.id]))
      else known.add(session.id)
    },
    forget(session: Session) {
      const name = nameOf(session)
      const known = ids.get(name)
      known?.delete(session.id)
      if (known?.size === 0) ids.delete(name)
      if (session.sessionKey !== null || !isLater(session, latest.get(name))) return
      latest.delete(name)
      latest.set(name, session)
      if (latest.size > latestMax) latest.delete(latest.keys().next().value ?? '')
    },
    find(get: (id: string) => Session | undefined): Pick<AppliedFacts, 'findNamed' | 'findLatest'> {
      const heldOf = (name: string) => [...(ids.get(name) ?? [])].flatMap((id) => get(id) ?? [])
      return {
        findNamed: (_, fact) => heldOf(nameOf(fact))[0],
        findLatest(_, fact) {
          const name = nameOf(fact)
          let found = latest.get(name)
          for (const session of heldOf(name)) if (isLater(session, found)) found = session
          return found
        },
      }
    },
  }
}

function isInside(person: Participant): person is Participant & { openSince: number; lastAt: number } {
  return person.openSince !== null
}

function byPerson(a: Participant, b: Participant): number {
  return compareText(a.participantId, b.participantId)
}

function byName(a: Mark, b: Mark): number {
  return compareText(a.participantId, b.participantId) || compareText(a.factId, b.factId) || compareText(a.kind, b.kind)
}
