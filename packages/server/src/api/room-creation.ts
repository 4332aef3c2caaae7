import {
  customRoomIdMaxLength,
  isCleanId,
  participantIdMaxLength,
  webhookEventMaxLength,
  webhookEventsMax,
  webhookUrlMaxLength,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Room as RoomRow } from '../store/rooms.ts'
import { type Caller, maySee, whoIsBound } from './auth/caller.ts'
import { allowedParticipantsMax, autoCloseMaxMinutes } from './limits.ts'

export const CustomRoomId = Type.Refine(
  Type.String({
    minLength: 1,
    maxLength: customRoomIdMaxLength,
    description: `a text of 1 to ${customRoomIdMaxLength} characters, none of them a control character`,
    about: 'A name of your own for it. With one that exists, that room is answered as it is.',
  }),
  isCleanId,
)

/** What `POST /v2/rooms` takes. */
export const NewRoom = Type.Object({
  customRoomId: Type.Optional(CustomRoomId),
  webhook: Type.Optional(
    Type.Object(
      {
        endPoint: Type.Refine(Type.String({ maxLength: webhookUrlMaxLength }), isHttpUrl),
        events: Type.Array(Type.String({ minLength: 1, maxLength: webhookEventMaxLength }), {
          maxItems: webhookEventsMax,
        }),
      },
      {
        description:
          'an object such as {"endPoint":"https://example.org/hook","events":["session-started","participant-*"]}',
        about: 'Where what happens in the room is sent, and which of it: exact names or globs.',
      },
    ),
  ),
  autoCloseConfig: Type.Optional(
    Type.Object(
      {
        type: Type.Union([Type.Literal('session-ends'), Type.Literal('session-end-and-deactivate')]),
        duration: Type.Optional(Type.Integer({ minimum: 1, maximum: autoCloseMaxMinutes })),
      },
      {
        description:
          'an object {"type":"session-ends" or "session-end-and-deactivate","duration":60}, the duration in whole minutes',
        about: 'When each session is ended, counted from its start, and whether the room is disabled too.',
      },
    ),
  ),
  allowedParticipantIds: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: participantIdMaxLength }), {
      maxItems: allowedParticipantsMax,
      description: `a list of at most ${allowedParticipantsMax} participant ids, texts of 1 to ${participantIdMaxLength} characters`,
      about: 'The only ones who may join; with an empty list, everybody with a token.',
    }),
  ),
})
export type NewRoom = Type.Static<typeof NewRoom>

/** The room, or the one there is by that customRoomId. A token bound to a room makes no other: it gets its own so, as everybody does. */
export async function createRoom(
  { reads, writes }: Pick<Context, 'reads' | 'writes'>,
  caller: Caller,
  { autoCloseConfig, ...rest }: NewRoom,
): Promise<RoomRow> {
  const { keyId } = caller.key
  if (caller.roomIds !== undefined) {
    const own = rest.customRoomId === undefined ? undefined : await reads.rooms.find(keyId, rest.customRoomId)
    if (own !== undefined && own.customRoomId === rest.customRoomId && maySee(caller, own.roomId)) return own
    throw new Refusal('FORBIDDEN', `${whoIsBound(caller)}: this makes no other room`)
  }
  return writes.rooms.create({ keyId, ...rest, ...(autoCloseConfig && { autoClose: autoCloseConfig }) })
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
