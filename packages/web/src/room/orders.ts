import type { LiveRoom } from '@rollcall/client'

/** What one may ask of the room about others, where one's link allows it. */
export type Orders = {
  admit(participantId: string): void
  admitAll(): void
  deny(participantId: string): void
  mute(participantId: string): void
  muteAll(): void
  remove(participantId: string, keepOut: boolean): void
  letBack(participantId: string): void
  lock(locked: boolean): void
  /** Ends it for everybody. */
  end(): void
}

const notConnected = 'The connection to the server is away: try it again once it is back.'

/** @param tell says in a sentence why something was not done */
export function createOrders(room: LiveRoom, tell: (text: string | undefined) => void): Orders {
  const say = (speak: () => void) => {
    if (room.state === 'joined') speak()
    else tell(notConnected)
  }
  room.on('error', ({ code }) => tell(explainError(code)))
  return {
    admit: (participantId) => say(() => room.admit(participantId)),
    admitAll: () => say(() => room.admitAll()),
    deny: (participantId) => say(() => room.deny(participantId)),
    mute: (participantId) => say(() => room.mute(participantId, 'audio')),
    muteAll: () => say(() => room.muteAll('audio')),
    remove: (participantId, keepOut) => say(() => room.remove(participantId, { keepOut })),
    letBack: (participantId) => say(() => room.letBack(participantId)),
    lock: (locked) => say(() => room.lock(locked)),
    end: () => say(() => room.end()),
  }
}

/** What an answer of the room means to whoever sees it; nothing for what the page asked for by itself. */
function explainError(code: string): string | undefined {
  switch (code) {
    case 'FORBIDDEN':
      return 'Your link does not let you do that: ask a host.'
    case 'PARTICIPANT_NOT_FOUND':
      return 'They are not here any more.'
    case 'ROOM_FULL':
      return 'The room is full: whoever waits goes on waiting until somebody leaves.'
    case 'TOO_MANY_KEPT_OUT':
      return 'As many people are kept out already as may be: let some of them back first.'
    case 'NOT_DONE':
      return 'The server could not do that: try it again in a moment.'
    default:
      return undefined
  }
}
