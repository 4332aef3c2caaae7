import { Type } from 'typebox'
import { Time } from './time.ts'

/** What `DELETE /v2/participants/:participantId` answers. */
export const Erased = Type.Object(
  {
    id: Type.String({ description: 'Of this receipt, which is in the server’s log.' }),
    erasedAt: Time('When it was done.'),
    sessions: Type.Integer({ description: 'Sessions in which somebody is nobody in particular now.' }),
    facts: Type.Integer({ description: 'Facts of the log that told of them.' }),
    rosters: Type.Integer({ description: 'Schedules that expected them.' }),
  },
  { $id: 'Erased', description: 'The receipt of an erasure: it does not say of whom.' },
)
export type Erased = Type.Static<typeof Erased>

/** What `DELETE /v2/sessions/:id` answers. */
export const ErasedSession = Type.Object(
  {
    id: Type.String({ description: 'Of this receipt, which is in the server’s log.' }),
    erasedAt: Time('When it was done.'),
    facts: Type.Integer({ description: 'Facts of the log that told of it.' }),
  },
  { $id: 'ErasedSession', description: 'The receipt of an erasure.' },
)
export type ErasedSession = Type.Static<typeof ErasedSession>

/** What `DELETE /v2/rooms/:roomId` answers. */
export const ErasedRoom = Type.Object(
  {
    id: Type.String({ description: 'Of this receipt, which is in the server’s log.' }),
    erasedAt: Time('When it was done.'),
    sessions: Type.Integer({ description: 'Sessions that it had.' }),
    facts: Type.Integer({ description: 'Facts of the log that told of it.' }),
  },
  { $id: 'ErasedRoom', description: 'The receipt of an erasure: it does not say of which room.' },
)
export type ErasedRoom = Type.Static<typeof ErasedRoom>
