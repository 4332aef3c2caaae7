import { Type } from 'typebox'
import { Time } from './time.ts'

export const SignIn = Type.Object(
  {
    token: Type.String({ description: 'Calls the API, and joins no room: its role is `crawler`.' }),
    expiresAt: Time('Until when it is good.'),
  },
  { $id: 'SignIn', description: 'What a link’s code is good for.' },
)
export type SignIn = Type.Static<typeof SignIn>
