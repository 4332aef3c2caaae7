import type { Json, SourceSettings } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { toFact } from '../event.ts'
import { requireBearer } from './bearer.ts'
import type { Engine, ReportedFact } from './engine.ts'
import { parseJson, reportUnknown, reportUnreadable } from './reported.ts'

/**
 * What `POST /v2/events` takes, from a sender that can send a fixed header and no token: its secret reports, and does
 * nothing else.
 */
export const generic: Engine<SourceSettings['generic']> = {
  oneSessionPerRoom: 'never',
  maxWaitMs: 5000,

  verifyHead({ headers }, { secret }) {
    requireBearer(headers, secret)
  },

  normalise({ body, receivedAt }) {
    const { events } = (parseJson(body.toString()) ?? {}) as { events?: Json }
    if (Array.isArray(events)) return { facts: events.map((event) => readEvent(event, receivedAt)), ignored: 0 }
    return { facts: [reportUnreadable(body, 'that are no {"events":[…]}')], ignored: 0 }
  },

  describeSetup: (url, _, secret = 'the secret it was given') =>
    `curl '${url}' -H 'Authorization: Bearer ${secret}' -d '{"events":[
  {"id":"1","type":"participant-joined","at":"2026-01-05T09:00:00Z","roomId":"standup","participantId":"anna"}]}'`,
}

/** What is kept of an event that is not understood. */
const keptFields = ['id', 'type', 'at', 'roomId', 'sessionKey', 'participantId', 'connectionId']

/** The reason does not repeat what was wrong: it is kept. */
function readEvent(event: Json, now: number): ReportedFact {
  try {
    const { source: _, receivedAt: __, ...fact } = toFact(event, '', now, () => '…')
    return fact as object as ReportedFact
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return reportUnknown(event, keptFields, error.message)
  }
}
