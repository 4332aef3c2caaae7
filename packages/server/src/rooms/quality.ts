import { hostedSource, type Quality, QualityReport, type StatsMessage } from '@rollcall/protocol'
import type { Static } from 'typebox'
import type { Context } from '../context.ts'
import { checkOf } from '../runtime/check.ts'
import { explain } from '../runtime/explain.ts'
import type { Connection } from './connection.ts'
import type { RtcLimits } from './limits.ts'
import { type HostedRoom, nextMoment } from './room.ts'

type Message = Static<typeof StatsMessage>

/** Why a sample is not taken. */
export type SampleRefusal = { code: 'INVALID_STATS' | 'TOO_MANY_STATS'; message: string }

/** Takes a sample, or says why not. */
export type SampleIntake = (room: HostedRoom, connection: Connection, message: Message) => SampleRefusal | undefined

const reportCheck = checkOf(QualityReport)

/**
 * Takes the samples that clients send of their own media. Each is recorded in the background, and not again if that fails:
 * who was there does not depend on it.
 */
export function createSampleIntake(
  { record, clock, log }: Pick<Context, 'record' | 'clock' | 'log'>,
  limits: RtcLimits,
): SampleIntake {
  return (room, connection, { stats, resolutionUsage, deviceInfo, sdkInfo }) => {
    const report: unknown = {
      stats,
      ...(resolutionUsage !== undefined && { resolutionUsage }),
      ...(deviceInfo !== undefined && { deviceInfo }),
      ...(sdkInfo !== undefined && { sdkInfo }),
    }
    if (!reportCheck.Check(report)) return { code: 'INVALID_STATS', message: explain(reportCheck, report) }
    const now = performance.now()
    if (now - connection.sampledAt < limits.statsIntervalMs) {
      const message = `stats are taken once in ${limits.statsIntervalMs} ms: this sample is dropped`
      return { code: 'TOO_MANY_STATS', message }
    }
    connection.sampledAt = now
    connection.samples += 1
    recordSample(room, connection, report)
  }

  function recordSample(room: HostedRoom, { id, samples, identity }: Connection, report: QualityReport): void {
    const fact: Quality = {
      type: 'quality',
      id: `${id}:quality:${samples}`,
      source: hostedSource,
      roomId: room.roomId,
      participantId: identity?.participantId ?? '',
      connectionId: id,
      at: nextMoment(room, clock.now()),
      receivedAt: clock.now(),
      ...report,
    }
    record(room.keyId, [fact], { fence: room.lease?.fence }).catch((err) =>
      log.warn({ err, factId: fact.id }, 'media sample not recorded'),
    )
  }
}
