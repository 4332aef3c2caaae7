import { Type } from 'typebox'
import { Time } from './time.ts'

const measures = {
  sessions: Type.Integer({ description: 'Sessions that took place then, in whole or in part.' }),
  uniqueParticipants: Type.Integer({
    description: 'Different participantIds of persons that were inside; with `kinds`, of those.',
  }),
  participantMinutes: Type.Number({
    description: 'Minutes inside, of all of these together; while inside, up to now.',
  }),
  peakConcurrency: Type.Integer({ description: 'Most of these inside at one moment.' }),
}

export const UsageTotal = Type.Object(measures, { $id: 'UsageTotal', description: 'All of the time together.' })
export type UsageTotal = Type.Static<typeof UsageTotal>

export const UsageRow = Type.Object(
  {
    start: Type.Optional(Time('Where the day, in `tz`, or the hour begins.')),
    roomId: Type.Optional(Type.String({ description: 'The room.' })),
    customRoomId: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: 'The name that you gave the room.' }),
    ),
    participantId: Type.Optional(Type.String({ description: 'The participant.' })),
    name: Type.Optional(Type.String({ description: 'The latest name that they were known by.' })),
    ...measures,
  },
  { $id: 'UsageRow', description: 'One day, hour, room or participant, named by the fields that `groupBy` asks for.' },
)
export type UsageRow = Type.Static<typeof UsageRow>

export const Usage = Type.Object(
  {
    from: Time('The beginning, inclusive.'),
    to: Time('The end, exclusive.'),
    groupBy: Type.Union([Type.Literal('day'), Type.Literal('hour'), Type.Literal('room'), Type.Literal('participant')]),
    total: UsageTotal,
    data: Type.Array(UsageRow, {
      description: 'Days and hours in order, also those without anybody; rooms and participants by their minutes.',
    }),
  },
  { $id: 'Usage', description: 'How much the rooms were used.' },
)
export type Usage = Type.Static<typeof Usage>
