import type { MeetingSession, Session } from '@rollcall/protocol'

type Names = Pick<MeetingSession, 'meetingId' | 'userMeetingId'>

/** A session with its room in the names of the API’s first version too. */
export function withMeetingNames<T extends Pick<Session, 'roomId' | 'customRoomId'>>(session: T): T & Names {
  return { ...session, meetingId: session.roomId, userMeetingId: session.customRoomId }
}
