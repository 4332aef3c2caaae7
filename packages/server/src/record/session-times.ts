import { type Participant as ApiParticipant, embeddedParticipantsMax } from '@rollcall/protocol'
import { turns } from '../runtime/turns.ts'
import type { SealedHead } from '../store/sessions/seals.ts'
import type { SessionTimes } from '../store/sessions/times.ts'

/** Sealed sessions whose texts are read in one turn of the loop. */
const textsTogether = 20
/** People whose times are told in one turn of the loop. */
const peopleTogether = 500

/** What it takes to read them. */
export type TimesReads = {
  sessions: {
    listSealedHeads(keyId: number, ids: string[], participantsMax: number): Promise<SealedHead[]>
    times(keyId: number, ids: string[]): AsyncGenerator<SessionTimes>
  }
}

/** Of what is sealed its text is read, rather than made again. */
export function timesOfSealed({ head, ...session }: SealedHead): SessionTimes {
  const { participants } = JSON.parse(`${head}}`) as { participants: ApiParticipant[] }
  return {
    ...session,
    people: participants.map(({ participantId, name, kind, timelog }) => ({
      ...{ participantId, name, kind },
      times: timelog.map(({ start, end }) => ({ from: Date.parse(start), to: end === null ? null : Date.parse(end) })),
    })),
  }
}

/** Those of these sessions, in their order: what is sealed is read from its text, and a large one comes in parts. */
export async function* readTimesOf(reads: TimesReads, keyId: number, ids: string[]): AsyncGenerator<SessionTimes> {
  let people = 0
  let next = readHeads(reads, keyId, ids.slice(0, textsTogether))
  for (let from = 0; from < ids.length; from += textsTogether) {
    const some = ids.slice(from, from + textsTogether)
    const heads = await next
    // A service reads the next ones while these are made use of.
    next = readHeads(reads, keyId, ids.slice(from + textsTogether, from + 2 * textsTogether))
    for await (const session of readSome(reads, keyId, some, heads)) {
      people += session.people.length
      yield session
      if (people < peopleTogether) continue
      await turns.next(keyId, ids)
      people = 0
    }
  }
}

function readHeads(reads: TimesReads, keyId: number, ids: string[]): Promise<SealedHead[]> {
  if (ids.length === 0) return Promise.resolve([])
  const heads = reads.sessions.listSealedHeads(keyId, ids, embeddedParticipantsMax)
  // Whoever awaits it hears of it; nobody does where enough was read before.
  heads.catch(() => {})
  return heads
}

async function* readSome(
  reads: TimesReads,
  keyId: number,
  ids: string[],
  heads: SealedHead[],
): AsyncGenerator<SessionTimes> {
  const sealed = new Map(heads.map((head) => [head.id, head]))
  const others: string[] = []
  for (const id of ids) {
    const head = sealed.get(id)
    if (head === undefined) others.push(id)
    else {
      if (others.length > 0) yield* reads.sessions.times(keyId, others.splice(0))
      yield timesOfSealed(head)
    }
  }
  if (others.length > 0) yield* reads.sessions.times(keyId, others)
}
