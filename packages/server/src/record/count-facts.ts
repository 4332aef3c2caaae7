import { Refusal } from '../error.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { RecordFacts } from './record.ts'

/** The same door for facts, which tells the metrics what became of them. */
export function countFacts(record: RecordFacts, metrics: Pick<Metrics, 'noteFact'>): RecordFacts {
  return async (keyId, facts, about) => {
    try {
      const recorded = await record(keyId, facts, about)
      for (const [i, { outcome }] of recorded.entries()) metrics.noteFact(facts[i]?.source ?? '', outcome)
      return recorded
    } catch (error) {
      const isBusy = error instanceof Refusal && error.code === 'BUSY'
      for (const { source } of facts) metrics.noteFact(source, isBusy ? 'busy' : 'failed')
      throw error
    }
  }
}
