import { Type } from 'typebox'
import { Time } from './time.ts'

/** Something that was done with a key. */
export const AuditEntry = Type.Object(
  {
    id: Type.String({ description: '24 hex digits.' }),
    at: Time('When it was done.'),
    action: Type.String({
      description: 'What was done: the `operationId` of a call, or a command such as `keys add`.',
    }),
    apiKey: Type.Union([Type.String(), Type.Null()], {
      description: 'Whose token did it; null: whoever has the machine, by the command line.',
    }),
    keyName: Type.Union([Type.String(), Type.Null()], {
      description: 'What that key is called now; null where it is gone, or there was none.',
    }),
    userName: Type.Union([Type.String(), Type.Null()], {
      description: 'The user who did it, by the name that they had; null: whoever has the token, or the machine.',
    }),
    asParticipant: Type.Union([Type.String(), Type.Null()], {
      description: 'The `participantId` that the token was bound to; null: it was bound to none.',
    }),
    participantId: Type.Union([Type.String(), Type.Null()], {
      description: 'Whom it was done to; null where it was not about somebody.',
    }),
    about: Type.Record(Type.String(), Type.String(), {
      description: 'What else it was done to: ids by their names, such as `sessionId`.',
    }),
  },
  { $id: 'AuditEntry', description: 'Who did what, and when.' },
)
export type AuditEntry = Type.Static<typeof AuditEntry>

export const AuditPage = Type.Object(
  {
    data: Type.Array(AuditEntry),
    nextCursor: Type.Optional(Type.String({ description: 'Goes on after this page; absent at the end.' })),
  },
  { $id: 'AuditPage', description: 'A page of the audit log, newest first.' },
)
export type AuditPage = Type.Static<typeof AuditPage>
