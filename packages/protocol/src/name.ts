import { Type } from 'typebox'

/** How far a name can be relied on. */
export const NameSource = Type.Union([Type.Literal('bound'), Type.Literal('typed'), Type.Literal('alike')], {
  description:
    '`bound`: an invite or a token says it. `typed`: they said it themselves. `alike`: they said it themselves, and it reads as the name of somebody else who was invited or inside. Absent where no name was told, and of what media servers report.',
})
export type NameSource = 'bound' | 'typed' | 'alike'
