import { Type } from 'typebox'
import { Time } from './time.ts'

export const Invite = Type.Object(
  {
    url: Type.String({ description: 'The room’s page, with the token in it: for the guest to open.' }),
    token: Type.String({ description: 'Joins that room, and does nothing else.' }),
    expiresAt: Time('Until when the guest may join. Whoever is inside by then stays.'),
  },
  { $id: 'Invite', description: 'A link for a guest.' },
)
export type Invite = Type.Static<typeof Invite>
