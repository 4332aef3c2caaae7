import { Type } from 'typebox'

export const Health = Type.Object({ status: Type.Literal('ok') }, { $id: 'Health', description: 'All is well.' })
export type Health = Type.Static<typeof Health>
