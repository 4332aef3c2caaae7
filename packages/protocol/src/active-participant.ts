import { Type } from 'typebox'
import { PageInfo } from './page.ts'
import { Participant, Session, SessionLinks } from './session.ts'

// Who is inside now, as the hosted API documents it: clients read these fields without asking whether they are there.

const Told = Type.String({ description: 'Empty where nobody said.' })
const NoEvents = Type.Array(Type.Unknown(), { description: 'Empty: Rollcall does not follow it.' })
const { participantId, name, timelog, _id, ...ours } = Participant.properties

export const ActiveParticipant = Type.Object(
  {
    participantId,
    name,
    events: Type.Object(
      { mic: NoEvents, webcam: NoEvents, screenShare: NoEvents, screenShareAudio: NoEvents },
      { description: 'When their devices were on.' },
    ),
    timelog,
    initTime: Type.Number({ description: 'Seconds that their join took: 0, which nobody measures.' }),
    deviceInfo: Type.Object(
      {
        sdkType: Told,
        sdkVersion: Told,
        platform: Told,
        browserUserAgent: Type.Object({
          browser: Type.Object({ name: Told, version: Told }),
          os: Type.Object({ name: Told }),
          platform: Type.Object({ type: Told }),
        }),
      },
      { description: 'What they use, as their quality samples tell.' },
    ),
    changeModeHistory: NoEvents,
    mode: Type.String({ description: 'SEND_AND_RECV: everybody may send and receive.' }),
    _id,
    geoLocation: Type.Object(
      { city: Told, region: Told, country: Told },
      { description: 'Where they are, as their quality samples tell.' },
    ),
    ...ours,
  },
  { $id: 'ActiveParticipant', description: 'One person who is inside a session now.' },
)
export type ActiveParticipant = Type.Static<typeof ActiveParticipant>

const { id, roomId, start, end, participants: _participants, status, links: _links, ...more } = Session.properties

export const ActiveSession = Type.Object(
  {
    id,
    roomId,
    start,
    end,
    participants: Type.Array(ActiveParticipant, { description: 'Those who are inside now, in order of first join.' }),
    status,
    links: Type.Object({
      ...SessionLinks.properties,
      get_all_participants: Type.String({ description: 'The address of everybody who was inside.' }),
    }),
    ...more,
    _id: Type.String({ description: 'Its id.' }),
  },
  { $id: 'ActiveSession', description: 'A session, with those who are inside now.' },
)
export type ActiveSession = Type.Static<typeof ActiveSession>

export const ActiveParticipantPage = Type.Object(
  {
    pageInfo: PageInfo,
    data: Type.Array(ActiveSession, { description: 'The one session.' }),
  },
  { $id: 'ActiveParticipantPage', description: 'Who is inside now: `pageInfo` counts participants.' },
)
export type ActiveParticipantPage = Type.Static<typeof ActiveParticipantPage>
