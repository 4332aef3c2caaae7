import {
  averageNames,
  lossNames,
  type ParticipantQuality,
  type QualityOrigin,
  type QualityPoint,
  type SessionQuality,
  toIso,
  videoHeights,
} from '@rollcall/protocol'
import type { Measured } from '../../store/quality.ts'
import type { SessionPart } from '../../store/sessions/records.ts'

/** The quality of a session, everybody together, as the API shows it. */
export function toSessionQuality({ session }: SessionPart, series: Measured[]): SessionQuality {
  return { sessionId: session.id, meetingId: session.roomId, stats: series.map(toPoint) }
}

/** The same of one participant. */
export function toParticipantQuality(
  { session, participants }: SessionPart,
  participantId: string,
  { deviceInfo, sdkInfo, location, network }: QualityOrigin,
  series: Measured[],
): ParticipantQuality {
  return {
    sessionId: session.id,
    meetingId: session.roomId,
    participantId,
    participantName: participants.find((one) => one.participantId === participantId)?.name ?? participantId,
    deviceInfo: { deviceName: 'unknown', deviceVersion: 'unknown', ...deviceInfo },
    sdkInfo: { sdkName: 'unknown', sdkVersion: 'unknown', ...sdkInfo },
    location: { country: 'unknown', city: 'unknown', region: 'unknown', ...location },
    network: { asn: 'unknown', org: 'unknown', ...network },
    stats: series.map(toPoint),
    resolutionUsage: series.flatMap(toUsage),
  }
}

function toPoint({ at, stats: { qualityScore, ...numbers } }: Measured): QualityPoint {
  const all = [...lossNames, ...averageNames].map((name) => [name, numbers[name] ?? 0])
  return {
    time: toIso(at),
    ...Object.fromEntries(all),
    ...(qualityScore !== undefined && { qualityScore }),
  }
}

function toUsage({ at, resolutionUsage: streams }: Measured): ParticipantQuality['resolutionUsage'] {
  if (streams === undefined) return []
  const all = videoHeights.map((height) => [height, Math.round(streams[height] ?? 0)])
  return [{ ...Object.fromEntries(all), time: toIso(at) }]
}
