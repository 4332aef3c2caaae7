import { Type } from 'typebox'
import { PageInfo } from './page.ts'
import { TimelogEntry } from './session.ts'
import { Time } from './time.ts'

const about = {
  id: Type.String({ description: 'The participantId; of somebody who was merged, the id that you gave the person.' }),
  name: Type.String({ description: 'The latest name that they were known by; empty where nobody told one.' }),
  lastSeen: Time('The latest evidence of them.'),
  merged: Type.Boolean({ description: 'Whether several participants were merged into this person.' }),
}

export const FoundPerson = Type.Object(about, {
  $id: 'FoundPerson',
  description: 'One person, whatever sessions they were in.',
})
export type FoundPerson = Type.Static<typeof FoundPerson>

export const PeoplePage = Type.Object(
  {
    data: Type.Array(FoundPerson, { description: 'Last seen first; may be fewer than were asked for.' }),
    nextCursor: Type.Optional(Type.String({ description: 'Where the next page goes on; absent at the end.' })),
  },
  { $id: 'PeoplePage', description: 'A page of people.' },
)
export type PeoplePage = Type.Static<typeof PeoplePage>

const PersonTime = Type.Object({
  start: Type.String({ description: 'The day, or the first day of the week or month, as yyyy-mm-dd in `timeZone`.' }),
  seconds: Type.Number({ description: 'Seconds inside.' }),
  sessions: Type.Integer({ description: 'Sessions that they were inside then.' }),
})

export const Person = Type.Object(
  {
    ...about,
    participantIds: Type.Array(Type.String(), { description: 'The participantIds that they are: one, unless merged.' }),
    names: Type.Array(Type.String(), { description: 'All names that they were known by, the latest first.' }),
    firstSeen: Type.Union([Time('Their first join.'), Type.Null()], { description: 'Their first join.' }),
    inside: Type.Boolean({ description: 'Whether they are inside somewhere now.' }),
    sessions: Type.Integer({ description: 'Sessions that they were inside.' }),
    rooms: Type.Integer({ description: 'Different rooms of these.' }),
    totalSeconds: Type.Number({ description: 'Seconds inside, of all sessions together; while inside, up to now.' }),
    timeZone: Type.String({ description: 'Whose days `time` has.' }),
    groupBy: Type.Union([Type.Literal('day'), Type.Literal('week'), Type.Literal('month')]),
    time: Type.Array(PersonTime, {
      description: 'In order; what has no time inside is left out. Weeks begin on Monday.',
    }),
  },
  { $id: 'Person', description: 'One person, with what all of their sessions amount to.' },
)
export type Person = Type.Static<typeof Person>

export const PersonSession = Type.Object(
  {
    sessionId: Type.String({ description: 'The session.' }),
    roomId: Type.String({ description: 'Its room.' }),
    customRoomId: Type.Union([Type.String(), Type.Null()], { description: 'The name that you gave the room.' }),
    start: Time('When the session began.'),
    end: Type.Union([Time(), Type.Null()], { description: 'Null while the session runs.' }),
    participantId: Type.String({ description: 'Under which id they were inside.' }),
    name: Type.String({ description: 'What they were called there.' }),
    seconds: Type.Number({ description: 'Seconds that they were inside; while inside, up to now.' }),
    stays: Type.Array(TimelogEntry, { description: 'Their times inside, in order.' }),
  },
  { $id: 'PersonSession', description: 'One session of a person, with their own times in it.' },
)
export type PersonSession = Type.Static<typeof PersonSession>

export const PersonSessionPage = Type.Object(
  {
    pageInfo: PageInfo,
    data: Type.Array(PersonSession, { description: 'Newest start first.' }),
  },
  { $id: 'PersonSessionPage', description: 'A page of a person’s sessions.' },
)
export type PersonSessionPage = Type.Static<typeof PersonSessionPage>
