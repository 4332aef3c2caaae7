import type { LiveRoom, NameSource } from '@rollcall/client'

/** Somebody who asks to come in. */
export type Asking = { participantId: string; name: string; nameSource: NameSource | undefined }

/** Follows who asks to come in. @param changed called when somebody else does */
export function followAsking(room: LiveRoom, changed: () => void): { list(): Asking[] } {
  const asking = new Map<string, Asking>()
  room.on('joined', () => asking.clear())
  room.on('entry-requested', ({ participantId, name, nameSource }) => {
    asking.set(participantId, { participantId, name: name || participantId, nameSource })
    changed()
  })
  room.on('entry-settled', ({ participantId }) => {
    asking.delete(participantId)
    changed()
  })
  return { list: () => [...asking.values()] }
}
