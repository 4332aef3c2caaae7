import type { TimelogEntry } from '@rollcall/client'

/** Why an end was concluded that nobody reported, for people. */
const causes: { [cause in string]?: string } = {
  empty: 'nobody came back to the room',
  silent: 'the session was empty and silent',
  superseded: 'a newer session of the room began',
  'source-silent': 'the media server said nothing for too long',
  'source-restarted': 'the media server started again',
  'connection-silent': 'the connection answered no more',
  absent: 'missing from two lists of who is inside',
}

const reasons: { [reason in string]?: string } = {
  left: 'left',
  removed: 'was removed',
  replaced: 'came in on another connection',
  disconnected: 'lost the connection',
  'session-ended': 'the session ended',
  'ended-by-command': 'the session was ended by a command',
  'ended-by-host': 'a host ended the session',
}

/** How a time inside ended, in words; empty where nobody said. */
export function explainEnd({ end, reason, inferred }: TimelogEntry): string {
  if (end === null) return 'inside now'
  if (inferred) return `no leave was seen; concluded because ${causes[reason ?? ''] ?? reason ?? 'nothing more came'}`
  return reason === undefined ? '' : (reasons[reason] ?? reason)
}
