import { Type } from 'typebox'
import { nameMaxLength } from './ids.ts'
import { Time } from './time.ts'

/** What a user may do with the record of a key. */
const UserRole = Type.Union([Type.Literal('viewer'), Type.Literal('host'), Type.Literal('administrator')], {
  description:
    '`viewer`: reads the whole record. `host`: reads what is of the rooms that are named, ends what runs in them, and opens and closes them. `administrator`: everything.',
})
export type UserRole = Type.Static<typeof UserRole>
export const userRoles = ['viewer', 'host', 'administrator'] as const satisfies UserRole[]
/** Most rooms of one host. */
export const hostRoomsMax = 100
/** Most users of one owner. */
export const usersMax = 10_000
export const passwordMinLength = 10
export const passwordMaxLength = 200

const userName = Type.String({
  minLength: 1,
  maxLength: nameMaxLength,
  description: `a text of 1 to ${nameMaxLength} characters`,
  about: 'What they sign in with: a name, or an address of mail. Capitals do not matter.',
})
const role = Type.Union([Type.Literal('viewer'), Type.Literal('host'), Type.Literal('administrator')], {
  description: userRoles.join(' or '),
  about: 'What they may do.',
})
const rooms = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
  maxItems: hostRoomsMax,
  description: `a list of at most ${hostRoomsMax} ids of rooms`,
  about: 'Which rooms a host sees, by `roomId` or `customRoomId`.',
})
/** One that is to be good from now on. */
export const newPassword = Type.String({
  minLength: passwordMinLength,
  maxLength: passwordMaxLength,
  description: `a text of ${passwordMinLength} to ${passwordMaxLength} characters`,
})
/** One that is given to be looked at. */
export const givenPassword = Type.String({ maxLength: passwordMaxLength, description: 'a password' })

/** What `POST /v2/users` takes. */
export const NewUser = Type.Object(
  {
    name: userName,
    role,
    rooms: Type.Optional(rooms),
    password: Type.Optional({ ...newPassword, about: 'What they sign in with at first; without it, one is made.' }),
  },
  { additionalProperties: false },
)
export type NewUser = Type.Static<typeof NewUser>

/** What `PATCH /v2/users/:userId` takes. */
export const UserChanges = Type.Object(
  { role: Type.Optional(role), rooms: Type.Optional(rooms) },
  { additionalProperties: false },
)
export type UserChanges = Type.Static<typeof UserChanges>

const shown = {
  userId: Type.String({ description: '24 hex digits.' }),
  name: Type.String({ description: 'What they sign in with.' }),
  role: UserRole,
  rooms: Type.Array(Type.String(), { description: 'Which rooms a host sees, by their `roomId`; of others none.' }),
  createdAt: Time('When they were added.'),
  lastSignInAt: Type.Union([Time('When they signed in last.'), Type.Null()], { description: 'Null: never.' }),
}
export const DashboardUser = Type.Object(shown, {
  $id: 'DashboardUser',
  description: 'Somebody who signs in to the dashboard.',
})
export type DashboardUser = Type.Static<typeof DashboardUser>

export const UserWithPassword = Type.Object(
  {
    ...shown,
    password: Type.Optional(
      Type.String({ description: 'The one that was made for them, this once; absent where one was given.' }),
    ),
  },
  { $id: 'UserWithPassword', description: 'A user, and the password that was made for them.' },
)
export type UserWithPassword = Type.Static<typeof UserWithPassword>

export const UserList = Type.Object(
  { data: Type.Array(DashboardUser) },
  { $id: 'UserList', description: 'The users of an owner, by name.' },
)
export type UserList = Type.Static<typeof UserList>

/** A browser in which somebody is signed in. */
export const BrowserSignIn = Type.Object(
  {
    signInId: Type.String({ description: '24 hex digits.' }),
    createdAt: Time('When they signed in.'),
    lastSeenAt: Time('When it was used last, to five minutes.'),
    expiresAt: Time('When it is over.'),
    browser: Type.String({ description: 'The browser, as it calls itself.' }),
    isThis: Type.Boolean({ description: 'Whether it is the one that asks.' }),
  },
  { $id: 'BrowserSignIn', description: 'A browser in which a user is signed in.' },
)
export type BrowserSignIn = Type.Static<typeof BrowserSignIn>

export const BrowserSignInList = Type.Object(
  { data: Type.Array(BrowserSignIn) },
  { $id: 'BrowserSignInList', description: 'Where a user is signed in, newest first.' },
)
export type BrowserSignInList = Type.Static<typeof BrowserSignInList>

const SeenKey = Type.Object({
  apiKey: Type.String({ description: 'The owner’s first API key.' }),
  name: Type.Union([Type.String(), Type.Null()], { description: 'What it is called.' }),
})

/** Who asks, and as what. */
export const Account = Type.Object(
  {
    user: Type.Union([Type.Object({ userId: Type.String(), name: Type.String() }), Type.Null()], {
      description: 'Null: no user, but whoever has a token or a link.',
    }),
    role: Type.Union([UserRole, Type.Null()], {
      description: 'Of whoever has a token or a link: the one that comes nearest; null where none does.',
    }),
    rooms: Type.Union(
      [
        Type.Array(
          Type.Object({
            roomId: Type.String({ description: 'The room.' }),
            customRoomId: Type.Union([Type.String(), Type.Null()], { description: 'What you call it.' }),
          }),
        ),
        Type.Null(),
      ],
      { description: 'The rooms that are seen; null: all.' },
    ),
    key: SeenKey,
    keys: Type.Array(SeenKey, { description: 'All that the user may see, this one among them.' }),
    hasPassword: Type.Boolean({ description: 'Whether there is a password to change.' }),
    expiresAt: Type.Union([Time('When the sign-in, or the token, is over.'), Type.Null()], {
      description: 'Null: it has no end.',
    }),
  },
  { $id: 'Account', description: 'Who asks, and what they may see.' },
)
export type Account = Type.Static<typeof Account>
