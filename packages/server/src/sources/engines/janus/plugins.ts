import { toId } from '../reported.ts'

/** A plugin of Janus that has rooms. */
export type Plugin = {
  name: string
  /** Before the names of its rooms: two plugins may have rooms of one number. */
  prefix: string
  /** Error codes for a room or a person that does not exist, and for an id of the wrong form. */
  absent: number[]
}

export const videoroom: Plugin = { name: 'janus.plugin.videoroom', prefix: '', absent: [426, 428, 430] }
export const audiobridge: Plugin = {
  name: 'janus.plugin.audiobridge',
  prefix: 'audiobridge/',
  absent: [485, 492, 484],
}

/** The name by which the record knows a room of Janus. */
export function toRoomName({ prefix }: Plugin, room: string | number): string {
  return toId(`${prefix}${room}`)
}

/** The plugin of a room by its name, and what the plugin calls it. */
export function splitRoomName(name: string): { plugin: Plugin; room: string } {
  const isAudio = name.startsWith(audiobridge.prefix)
  return isAudio
    ? { plugin: audiobridge, room: name.slice(audiobridge.prefix.length) }
    : { plugin: videoroom, room: name }
}
