import { Type } from 'typebox'

const Kinds = [
  Type.Literal('person'),
  Type.Literal('sip'),
  Type.Literal('agent'),
  Type.Literal('bot'),
  Type.Literal('recorder'),
  Type.Literal('egress'),
  Type.Literal('ingress'),
] as const

export const kindTakes = 'person, sip, agent, bot, recorder, egress or ingress'

export const Kind = Type.Union([...Kinds], {
  description: `${kindTakes}: a person, or a caller by telephone (sip), or else a program that takes part.`,
})

/** The same where something is reported. */
export const ReportedKind = Type.Union([...Kinds], {
  description: kindTakes,
  about: 'What takes part: only a person, or a caller by telephone (sip), counts as attendance.',
})
