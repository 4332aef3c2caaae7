import { Type } from 'typebox'
import { Kind } from './kind.ts'
import { Time } from './time.ts'

const ofSession = {
  sessionId: Type.String({ description: 'The session.' }),
  roomId: Type.String({ description: 'Its room.' }),
  customRoomId: Type.Union([Type.String(), Type.Null()], { description: 'The name that you gave the room.' }),
}
const ofPerson = {
  participantId: Type.String({ description: 'The participant.' }),
  name: Type.String({ description: 'The latest name that they were known by.' }),
  kind: Kind,
}

/** One time inside, or with `per=participant` all of one person's in one session. The fields are the columns of the CSV. */
export const AttendanceRow = Type.Object(
  {
    ...ofSession,
    ...ofPerson,
    start: Time('The join; of a participant their first.'),
    end: Type.Union([Time(), Type.Null()], {
      description: 'The leave, of a participant their last; null while they are inside.',
    }),
    seconds: Type.Number({ description: 'Seconds inside, to the millisecond; while inside, up to now.' }),
    intervals: Type.Optional(
      Type.Integer({ description: 'Of a participant: how many times inside there are in this row.' }),
    ),
    reason: Type.Union([Type.String(), Type.Null()], {
      description: 'Why the last of it ended, where somebody said so.',
    }),
    inferred: Type.Boolean({ description: 'Whether that end was concluded, because no leave was seen.' }),
  },
  { $id: 'AttendanceRow', description: 'A time inside, or all of a participant’s in one session.' },
)
export type AttendanceRow = Type.Static<typeof AttendanceRow>

export const Attendance = Type.Object(
  { data: Type.Array(AttendanceRow, { description: 'Session after session, in the order of first joins.' }) },
  { $id: 'Attendance', description: 'Who was inside, from when to when.' },
)
export type Attendance = Type.Static<typeof Attendance>
