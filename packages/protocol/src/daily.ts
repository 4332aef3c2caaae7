import { Type } from 'typebox'

// The meetings of Daily's REST API, as its documentation and its public clients have them. Times are Unix seconds, lengths whole
// seconds, cut off.

const Seconds = (description: string) => Type.Integer({ minimum: 0, description })

export const DailyParticipant = Type.Object(
  {
    user_id: Type.String({ description: 'The participantId.' }),
    participant_id: Type.String({ description: 'One of each stay: whoever comes again has another.' }),
    user_name: Type.Union([Type.String(), Type.Null()], { description: 'Null where none was told.' }),
    join_time: Seconds('When they came, in Unix seconds.'),
    duration: Seconds('How long they stayed, in seconds; up to now, while they are inside.'),
  },
  { $id: 'DailyParticipant', description: 'One stay of somebody, as Daily’s API has it.' },
)
export type DailyParticipant = Type.Static<typeof DailyParticipant>

export const DailyMeeting = Type.Object(
  {
    id: Type.String({ description: 'The session’s id.' }),
    room: Type.String({ description: 'The room’s customRoomId, or its roomId where it has none.' }),
    start_time: Seconds('When it started, in Unix seconds.'),
    duration: Seconds('How long it lasted, in seconds; up to now, while it runs.'),
    ongoing: Type.Boolean(),
    max_participants: Type.Integer({ minimum: 0, description: 'How many people were inside at once, at most.' }),
  },
  { $id: 'DailyMeeting', description: 'A session, as Daily’s API has it.' },
)
export type DailyMeeting = Type.Static<typeof DailyMeeting>

export const ListedDailyMeeting = Type.Object(
  {
    ...DailyMeeting.properties,
    participants: Type.Optional(
      Type.Array(DailyParticipant, {
        description: 'Their stays: of at most 1,000 participants. Absent with no_participants.',
      }),
    ),
  },
  { $id: 'ListedDailyMeeting', description: 'A session in a list of Daily’s API.' },
)
export type ListedDailyMeeting = Type.Static<typeof ListedDailyMeeting>

export const DailyMeetingPage = Type.Object(
  {
    total_count: Type.Integer({ minimum: 0, description: 'How many fit the query, on whichever page.' }),
    data: Type.Array(ListedDailyMeeting),
  },
  { $id: 'DailyMeetingPage', description: 'Newest start first.' },
)
export type DailyMeetingPage = Type.Static<typeof DailyMeetingPage>

export const DailyParticipantPage = Type.Object(
  { data: Type.Array(DailyParticipant) },
  { $id: 'DailyParticipantPage', description: 'In order of each person’s first join, then of their stays.' },
)
export type DailyParticipantPage = Type.Static<typeof DailyParticipantPage>

export const DailyError = Type.Object(
  {
    error: Type.String({ description: 'A stable name for programs, such as not-found.' }),
    info: Type.String({ description: 'A sentence that names what was wrong and what to do.' }),
  },
  { $id: 'DailyError', description: 'What was wrong, as Daily’s API says it.' },
)
export type DailyError = Type.Static<typeof DailyError>
