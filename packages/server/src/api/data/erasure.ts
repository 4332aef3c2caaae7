import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Erased, ErasedSession, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { scrubRecord } from '../../store/database/scrub.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { refusals } from '../http/refusals.ts'
import { noteAbout } from '../keys/keep-audit.ts'

const PersonPath = Type.Object({
  participantId: Type.String({ description: 'one exact id', about: 'Whom it is about, in all sessions.' }),
})

const schema = {
  tags: ['Participants'],
  description:
    'In all sessions that ended: their id, name, metadata and quality, what was told of them, and the webhooks about them. That somebody was there, from when to when, stays true, of nobody in particular. What is told later of the time before is not taken. Rollcall’s own: VideoSDK has no such call.',
  params: PersonPath,
  response: { 200: Erased, ...refusals('PARTICIPANT_NOT_FOUND', 'CONFLICT') },
}

const SessionPath = Type.Object({ id: Type.String({ description: 'one exact id', about: 'The session.' }) })

const ofSession = {
  operationId: 'eraseSession',
  tags: ['Sessions'],
  summary: 'Erase a session',
  description:
    'It has to have ended. It is gone from everything that is kept, and counted no longer; what is told of it later is not taken. Rollcall’s own: VideoSDK has no such call.',
  params: SessionPath,
  response: { 200: ErasedSession, ...refusals('SESSION_NOT_FOUND', 'CONFLICT') },
}

/** `DELETE /v2/participants/:participantId` and `DELETE /v2/sessions/:id`. */
export function erasureRoutes(
  { config, reads, writes, clock, log }: Pick<Context, 'config' | 'reads' | 'writes' | 'clock' | 'log'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const described = { ...schema, operationId: 'erasePerson', summary: 'Erase a person' }
    const options = { onRequest: auth.crawler, schema: described }
    app.delete('/v2/participants/:participantId', options, async (request) => {
      const { keyId } = callerOf(request).key
      const erased = await erase(keyId, request.params.participantId)
      const receipt = { id: randomUUID(), erasedAt: toIso(clock.now()), ...erased }
      // Who it was is not in it.
      log.info({ requestId: request.id, keyId, ...receipt }, 'person erased')
      noteAbout(request, { receipt: receipt.id })
      return receipt
    })

    app.delete('/v2/sessions/:id', { onRequest: auth.crawler, schema: ofSession }, async (request) => {
      const { keyId } = callerOf(request).key
      const facts = await eraseSession(keyId, request.params.id)
      const receipt = { id: randomUUID(), erasedAt: toIso(clock.now()), facts }
      log.info({ requestId: request.id, keyId, sessionId: request.params.id, ...receipt }, 'session erased')
      noteAbout(request, { receipt: receipt.id })
      return receipt
    })
  }

  async function erase(keyId: number, participantId: string): Promise<Omit<Erased, 'id' | 'erasedAt'>> {
    const sessions = await listSessions(keyId, participantId)
    const running = sessions.find(({ isRunning }) => isRunning)
    if (running !== undefined) {
      throw new Refusal('CONFLICT', `Session ${running.id} runs, and they are part of it: erase them when it has ended`)
    }
    const facts = await listFacts(keyId, participantId)
    const rosters = await reads.schedules.countRosters(keyId, participantId)
    if (sessions.length === 0 && facts.length === 0 && rosters === 0) {
      throw new Refusal('PARTICIPANT_NOT_FOUND', `Participant ${participantId} not found in any session or roster`)
    }
    // First, so that nothing comes in between.
    const newId = await writes.erasure.forget({ keyId, participantId })
    const bySession = Map.groupBy(facts, ({ sessionId }) => sessionId)
    for (const { id } of sessions) if (!bySession.has(id)) bySession.set(id, [])
    for (const [sessionId, ofSession] of bySession) {
      const seqs = ofSession.map(({ seq }) => seq)
      await writes.erasure.anonymise({ keyId, sessionId, participantId, newId, seqs })
    }
    await writes.erasure.settle({ keyId, participantId, newId })
    await scrubRecord(config)
    return { sessions: sessions.length, facts: facts.length, rosters }
  }

  /** What was begun is completed by another call: the session is there until nothing tells of it any more. */
  async function eraseSession(keyId: number, sessionId: string): Promise<number> {
    const of = { keyId, sessionId }
    if (!(await writes.sessionErasure.forget(of))) {
      throw new Refusal('SESSION_NOT_FOUND', `Session ${quote(sessionId)} not found`)
    }
    let facts = 0
    for (let emptied = 1; emptied > 0; facts += emptied) emptied = await writes.sessionErasure.emptyLog(of)
    await writes.sessionErasure.erase(of)
    while ((await writes.people.gather({ keyId })) > 0);
    await scrubRecord(config)
    return facts
  }

  async function listSessions(keyId: number, participantId: string) {
    const sessions = []
    for (let after = ''; ; ) {
      const page = await reads.erasure.sessionsOf(keyId, participantId, after)
      sessions.push(...page)
      const last = page.at(-1)
      if (last === undefined) return sessions
      after = last.id
    }
  }

  async function listFacts(keyId: number, participantId: string) {
    const facts = []
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page = await reads.erasure.factsOf(keyId, participantId, after)
      facts.push(...page.seqs)
      after = page.next
    }
    return facts
  }
}
