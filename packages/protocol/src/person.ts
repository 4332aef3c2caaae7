/** What may take part in a session. */
export const participantKinds = ['person', 'sip', 'agent', 'bot', 'recorder', 'egress', 'ingress'] as const
export type ParticipantKind = (typeof participantKinds)[number]

/**
 * Who is a person: whoever sits at a device, and whoever calls by telephone (`sip`). All else is a program that takes part;
 * what is called people, participants or attendance counts persons alone.
 */
export const personKinds: ParticipantKind[] = ['person', 'sip']

/** @example const people = session.participants.filter(({ kind }) => isPerson(kind)) */
export function isPerson(kind: ParticipantKind): boolean {
  return personKinds.includes(kind)
}
