import { kindTakes, type ParticipantKind, participantKinds, personKinds } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Refusal } from '../../error.ts'

const takes = `all, or one or several, between commas, of ${kindTakes}`

/** Which kinds of participants are meant. @param otherwise what is meant where none is named */
function KindsQuery(otherwise: string) {
  return Type.Object({
    kinds: Type.Optional(
      Type.String({
        maxLength: 100,
        description: takes,
        about: `Participants of these kinds; without it, ${otherwise}.`,
      }),
    ),
  })
}
export const PersonsUnlessSaid = KindsQuery('persons and callers by telephone (sip)')
export const AllUnlessSaid = KindsQuery('all')

/** Undefined: all. */
export function toKinds(kinds: string | undefined): ParticipantKind[] | undefined {
  if (kinds === undefined || kinds === 'all') return undefined
  return kinds.split(',').map((kind) => {
    if (isKind(kind)) return kind
    throw new Refusal('BAD_REQUEST', `kinds=${kinds} is not understood: it takes ${takes}`)
  })
}

/** The same, of persons where nothing is said. */
export function toKindsOfPeople(kinds: string | undefined): ParticipantKind[] | undefined {
  return kinds === undefined ? personKinds : toKinds(kinds)
}

function isKind(kind: string): kind is ParticipantKind {
  return (participantKinds as readonly string[]).includes(kind)
}
