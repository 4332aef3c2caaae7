import type { KeptOut, LiveRoom, NameSource } from '@rollcall/client'

/** `keptOut`: told to hosts alone. */
export type Rules = { locked: boolean; keptOut?: KeptOut[] }

/** Who one is in the room, what that is called, and who may come into it. */
export type Standing = {
  /** As the server has it, once one was inside. */
  me: { name: string; nameSource: NameSource | undefined } | undefined
  roomName: string | null
  rules: Rules
}

/** Follows what the room says of these. @param changed called when it says something else */
export function followStanding(room: LiveRoom, roomName: string | null, changed: () => void): { view(): Standing } {
  let current: Standing = { me: undefined, roomName, rules: { locked: false } }
  const become = (standing: Partial<Standing>) => {
    current = { ...current, ...standing }
    changed()
  }
  // What is as usual is not told.
  room.on('joined', ({ name, nameSource, roomName }) =>
    become({ me: { name, nameSource }, roomName, rules: { locked: false } }),
  )
  room.on('name-marked', ({ participantId, nameSource }) => {
    const { me } = current
    if (me !== undefined && participantId === room.participantId) become({ me: { ...me, nameSource } })
  })
  room.on('rules', ({ locked, keptOut }) => become({ rules: { locked, ...(keptOut && { keptOut }) } }))
  return { view: () => current }
}
