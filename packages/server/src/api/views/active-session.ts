import type { ActiveParticipant, ActiveSession, Participant, QualityOrigin, Session } from '@rollcall/protocol'

/**
 * A session whose participants are those inside now, in the fields that the hosted API documents of them.
 * @param origins where each one's samples come from, by participantId, as far as that is known
 */
export function toActiveSession(session: Session, origins: Map<string, QualityOrigin>): ActiveSession {
  const { links, participants } = session
  return {
    ...session,
    participants: participants.map((one) => toActiveParticipant(one, origins.get(one.participantId) ?? {})),
    links: { ...links, get_all_participants: `${links.get_session}/participants` },
    _id: session.id,
  }
}

function toActiveParticipant(
  { participantId, name, timelog, _id, totalSeconds, kind }: Participant,
  { deviceInfo, sdkInfo, location }: QualityOrigin,
): ActiveParticipant {
  return {
    participantId,
    name,
    events: { mic: [], webcam: [], screenShare: [], screenShareAudio: [] },
    timelog,
    initTime: 0,
    deviceInfo: {
      sdkType: sdkInfo?.sdkName ?? '',
      sdkVersion: sdkInfo?.sdkVersion ?? '',
      platform: '',
      browserUserAgent: {
        browser: { name: deviceInfo?.deviceName ?? '', version: deviceInfo?.deviceVersion ?? '' },
        os: { name: '' },
        platform: { type: '' },
      },
    },
    changeModeHistory: [],
    mode: 'SEND_AND_RECV',
    _id,
    geoLocation: { city: location?.city ?? '', region: location?.region ?? '', country: location?.country ?? '' },
    totalSeconds,
    kind,
  }
}
