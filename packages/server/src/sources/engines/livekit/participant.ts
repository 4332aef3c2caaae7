import type { ParticipantKind } from '@rollcall/protocol'

// What LiveKit says of a participant, in its webhooks and its API alike.

type Described = {
  kind?: string | number | undefined
  permission?: { hidden?: boolean | undefined; recorder?: boolean | undefined; agent?: boolean | undefined } | undefined
}

/** Only people count: whoever is hidden watches, and what is not known to be a person is taken for a program. */
export function toKind({ kind = 'STANDARD', permission }: Described): ParticipantKind {
  if (permission?.recorder === true) return 'recorder'
  if (permission?.agent === true) return 'agent'
  if (permission?.hidden === true) return 'recorder'
  switch (kind) {
    case 'STANDARD':
      return 'person'
    case 'SIP':
    case 'CONNECTOR':
      return 'sip'
    case 'EGRESS':
      return 'egress'
    case 'INGRESS':
      return 'ingress'
    default:
      return 'agent'
  }
}

/** The first of them that is there: milliseconds, or else whole seconds; 0 where none is. */
export function readTime(ms: string | number | undefined, ...seconds: (string | number | undefined)[]): number {
  if (Number(ms ?? 0) > 0) return Number(ms)
  return toMs(seconds.find((one) => Number(one ?? 0) > 0) ?? 0)
}

export function toMs(seconds: string | number): number {
  return Number(seconds) * 1000
}
