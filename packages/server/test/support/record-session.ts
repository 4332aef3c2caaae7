import type { Fact, ParticipantKind } from '@rollcall/protocol'
import type { TestServer } from './start-server.ts'

type Stay = { participantId: string; name?: string; kind?: ParticipantKind; joinedAt: number; leftAt?: number }

/** Records one session through the door for facts: its start, its people, and its end where it has one. */
export async function recordSession(
  { context, apiKey }: Pick<TestServer, 'context' | 'apiKey'>,
  { roomId, startAt, endAt, stays = [] }: { roomId: string; startAt: number; endAt?: number; stays?: Stay[] },
): Promise<string> {
  const key = await context.reads.keys.find(apiKey)
  if (key === undefined) throw new Error(`no key ${apiKey}`)
  const sessionKey = `${roomId} at ${startAt}`
  const about = (n: string, at: number) => ({
    id: `${sessionKey}: ${n}`,
    source: 'events',
    roomId,
    sessionKey,
    at,
    receivedAt: context.clock.now(),
  })
  const facts: Fact[] = [{ type: 'session-started', ...about('start', startAt) }]
  for (const { participantId, name, kind, joinedAt, leftAt } of stays) {
    const who = { participantId, connectionId: `${participantId} ${joinedAt}` }
    facts.push({
      type: 'participant-joined',
      ...about(`${participantId} in ${joinedAt}`, joinedAt),
      ...who,
      ...(name !== undefined && { name }),
      ...(kind !== undefined && { kind }),
    })
    if (leftAt !== undefined) {
      facts.push({ type: 'participant-left', ...about(`${participantId} out ${leftAt}`, leftAt), ...who })
    }
  }
  if (endAt !== undefined) facts.push({ type: 'session-ended', ...about('end', endAt) })
  const [first] = await context.record(key.keyId, facts)
  if (first?.sessionId === undefined) throw new Error('the session was not recorded')
  return first.sessionId
}

/** Another owner, with a key of their own on the same server. */
export async function addNeighbour({
  context,
}: Pick<TestServer, 'context'>): Promise<{ apiKey: string; secret: string }> {
  return context.writes.keys.add({ name: 'neighbour', email: null })
}
