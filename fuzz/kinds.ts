// What an id is of, by where it stands.

export type Kind =
  | 'rooms'
  | 'sessions'
  | 'participants'
  | 'sources'
  | 'webhooks'
  | 'deliveries'
  | 'schedules'
  | 'invites'
  | 'users'
  | 'shares'
  | 'cursors'

/** By the step of a path before it. */
const bySteps: { [step: string]: Kind } = {
  rooms: 'rooms',
  meetings: 'rooms',
  'meeting-sessions': 'sessions',
  validate: 'rooms',
  sessions: 'sessions',
  participants: 'participants',
  participant: 'participants',
  sources: 'sources',
  ingest: 'sources',
  project: 'sources',
  webhooks: 'webhooks',
  deliveries: 'deliveries',
  schedules: 'schedules',
  invites: 'invites',
  'kept-out': 'participants',
  users: 'users',
  shares: 'shares',
}

/** By the name of a field or a parameter. */
const byNames: { [name: string]: Kind } = {
  roomId: 'rooms',
  meetingId: 'rooms',
  userMeetingId: 'rooms',
  customRoomId: 'rooms',
  query: 'rooms',
  room: 'rooms',
  sessionId: 'sessions',
  meeting: 'sessions',
  starting_after: 'sessions',
  ending_before: 'sessions',
  parentSessionId: 'sessions',
  participantId: 'participants',
  sourceId: 'sources',
  projectId: 'sources',
  deliveryId: 'deliveries',
  scheduleId: 'schedules',
  inviteId: 'invites',
  userId: 'users',
  personId: 'participants',
  cursor: 'cursors',
}

/** Of what is made by a call to a path that begins so. */
export const madeAt: { [start: string]: Kind } = {
  '/v2/sources': 'sources',
  '/v2/webhooks': 'webhooks',
  '/v2/schedules': 'schedules',
  '/v2/users': 'users',
  '/v2/shares': 'shares',
}

export function kindAfter(step: string | undefined): Kind | undefined {
  return step === undefined || !Object.hasOwn(bySteps, step) ? undefined : bySteps[step]
}

export function kindOf(name: string): Kind | undefined {
  return Object.hasOwn(byNames, name) ? byNames[name] : undefined
}
