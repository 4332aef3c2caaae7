import { Type } from 'typebox'
import { AttendanceRow } from './attendance.ts'
import { Person } from './people.ts'
import { Time } from './time.ts'

/** How long a shared report may be opened, in seconds: a week unless the caller says otherwise, a year at most. */
export const shareSecondsDefault = 7 * 24 * 3600
export const shareMaxSeconds = 366 * 24 * 3600
/** Most shares of one owner. */
export const sharesMax = 1000
/** Most people of a session that a shared report has. */
export const sharedRowsMax = 5000

/** What `POST /v2/shares` takes. */
export const NewShare = Type.Object(
  {
    sessionId: Type.Optional(
      Type.String({ description: 'one exact id', about: 'The session whose report is shared; or else a person.' }),
    ),
    personId: Type.Optional(Type.String({ description: 'one exact id', about: 'The person whose report is shared.' })),
    expiresInSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: shareMaxSeconds,
        default: shareSecondsDefault,
        description: `a whole number of seconds from 1 to ${shareMaxSeconds}`,
        about: 'How long it may be opened.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type NewShare = Type.Static<typeof NewShare>

const shown = {
  shareId: Type.String({ description: '24 hex digits.' }),
  sessionId: Type.Union([Type.String(), Type.Null()], { description: 'The session; null: it is a person’s.' }),
  personId: Type.Union([Type.String(), Type.Null()], { description: 'The person; null: it is a session’s.' }),
  createdBy: Type.Union([Type.String(), Type.Null()], {
    description: 'The user who made it; null: whoever had a token.',
  }),
  createdAt: Time('When it was made.'),
  expiresAt: Time('Until when it may be opened.'),
}
export const Share = Type.Object(shown, { $id: 'Share', description: 'A report that whoever has the link may read.' })
export type Share = Type.Static<typeof Share>

export const ShareWithUrl = Type.Object(
  { ...shown, url: Type.String({ description: 'The link, this once: what it ends in is kept as a digest alone.' }) },
  { $id: 'ShareWithUrl', description: 'A shared report and its link.' },
)
export type ShareWithUrl = Type.Static<typeof ShareWithUrl>

export const ShareList = Type.Object(
  { data: Type.Array(Share) },
  { $id: 'ShareList', description: 'What is shared, newest first, without what is over.' },
)
export type ShareList = Type.Static<typeof ShareList>

/** What a link opens. */
export const SharedReport = Type.Object(
  {
    expiresAt: Time('Until when it may be opened.'),
    session: Type.Optional(
      Type.Object(
        {
          sessionId: Type.String({ description: 'The session.' }),
          roomId: Type.String({ description: 'Its room.' }),
          customRoomId: Type.Union([Type.String(), Type.Null()], { description: 'The name of the room.' }),
          start: Time('When it began.'),
          end: Type.Union([Time(), Type.Null()], { description: 'Null while it runs.' }),
          people: Type.Array(AttendanceRow, { description: `A row a person, of at most ${sharedRowsMax}.` }),
        },
        { description: 'Absent: the report is a person’s.' },
      ),
    ),
    person: Type.Optional(Person),
  },
  { $id: 'SharedReport', description: 'The report of one session, or of one person.' },
)
export type SharedReport = Type.Static<typeof SharedReport>
