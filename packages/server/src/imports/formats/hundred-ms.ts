import type { Json } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { type Format, type ImportedSession, type ImportedStay, stillGoingOn, type Untaken } from '../format.ts'
import { instantOf, listIn, readDocuments, textOf, valuesOf } from '../json.ts'

/** What 100ms answers to `GET /v2/sessions`: sessions with their peers, of which each connection is one. */
export const hundredMs: Format = {
  title: '100ms: the answer of GET /v2/sessions?active=false (JSON)',
  read(bytes) {
    const listed = listIn(readDocuments(bytes), 'data')
    if (listed.length === 0) {
      throw new Refusal('BAD_REQUEST', 'The file has no sessions in data: ask for past ones with active=false')
    }
    const sessions: ImportedSession[] = []
    const untaken: Untaken[] = []
    for (const { path: where, value: session } of listed) {
      const [key, room] = [textOf(session.id), textOf(session.room_id)]
      if (session.active === true) untaken.push({ where, reason: stillGoingOn })
      else if (key === undefined || room === undefined) untaken.push({ where, reason: 'it has no id or room_id' })
      else
        sessions.push({
          room,
          key,
          startAt: instantOf(session.created_at),
          stays: readPeers(where, session.peers, untaken),
        })
    }
    return { sessions, untaken }
  },
}

/** An object by peer id, which the pages of the documentation also call a list. */
function readPeers(session: string, peers: Json | undefined, untaken: Untaken[]): ImportedStay[] {
  const stays: ImportedStay[] = []
  for (const [name, one] of Object.entries(peers ?? {})) {
    const where = `${session}.peers.${name}`
    const peer = valuesOf(one) ?? {}
    const connectionId = textOf(peer.id)
    const participantId = textOf(peer.user_id) ?? connectionId
    const [joinedAt, leftAt] = [instantOf(peer.joined_at), instantOf(peer.left_at)]
    const role = textOf(peer.role)
    if (participantId === undefined || joinedAt === undefined || leftAt === undefined) {
      untaken.push({ where, reason: 'it has no id, joined_at or left_at' })
    } else {
      const metadata = role === undefined ? undefined : { role }
      stays.push({ where, participantId, connectionId, name: textOf(peer.name), metadata, joinedAt, leftAt })
    }
  }
  return stays
}
