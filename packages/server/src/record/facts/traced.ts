import type { Tracing } from '../../runtime/tracing.ts'
import type { RecordFacts } from './record.ts'

/** Each call is a span, from when the facts came in until they are durable, with what became of them. */
export function traceRecording(record: RecordFacts, tracing: Tracing): RecordFacts {
  return (keyId, facts, about) =>
    tracing.span('record facts', async (note) => {
      note({ 'rollcall.facts': facts.length })
      const recorded = await record(keyId, facts, about)
      for (const [outcome, some] of Map.groupBy(recorded, (one) => one.outcome)) {
        note({ [`rollcall.facts.${outcome}`]: some.length })
      }
      return recorded
    })
}
