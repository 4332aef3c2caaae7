import type { Json, SourceSettings } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { toFact } from '../event.ts'
import { requireBearer } from './bearer.ts'
import type { Engine, Told } from './engine.ts'
import { parseJson, tellUnknown } from './told.ts'

/**
 * What `POST /v2/events` takes, from a sender that can send a fixed header and no token: its secret reports, and does
 * nothing else.
 */
export const generic: Engine<SourceSettings['generic']> = {
  oneLife: 'never',
  patienceMs: 5000,

  verify({ headers }, { secret }) {
    requireBearer(headers, secret)
  },

  normalise({ body, receivedAt }) {
    const { events } = (parseJson(body.toString()) ?? {}) as { events?: Json }
    if (Array.isArray(events)) return { told: events.map((event) => tell(event, receivedAt)), ignored: 0 }
    return { told: [tellUnknown(null, `a body of ${body.length} bytes that is no {"events":[…]}`)], ignored: 0 }
  },

  describeSetup: (url, _, secret = 'the secret it was given') =>
    `curl '${url}' -H 'Authorization: Bearer ${secret}' -d '{"events":[
  {"id":"1","type":"participant-joined","at":"2026-01-05T09:00:00Z","roomId":"standup","participantId":"anna"}]}'`,
}

function tell(event: Json, now: number): Told {
  try {
    const { source: _, receivedAt: __, ...told } = toFact(event, '', now)
    return told as object as Told
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return tellUnknown(event, error.message)
  }
}
