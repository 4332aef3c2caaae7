import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Known } from './record/facts/known.ts'
import type { RecordFacts } from './record/facts/record.ts'
import type { Reads, Writes } from './record/nouns.ts'
import type { RecordingHealth } from './record/recording-health.ts'
import type { Clock } from './runtime/clock.ts'
import type { Metrics } from './runtime/metrics.ts'
import type { Tracing } from './runtime/tracing.ts'

/** The parts of a running server, passed as one value: take from it only what you use. */
export type Context = {
  config: Config
  clock: Clock
  log: Logger
  metrics: Metrics
  /** Undefined where there is nobody to tell. */
  tracing: Tracing | undefined
  reads: Reads
  writes: Writes
  known: Known
  record: RecordFacts
  recordingHealth: Pick<RecordingHealth, 'isWell'>
}
