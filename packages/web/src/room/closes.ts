import type { RoomCloseName } from '@rollcall/client'

export type CloseText = { title: string; text: string; mayReturn: boolean }

/** What each end of a meeting means to whoever sees it. */
const texts: { [name in RoomCloseName]: CloseText } = {
  LEFT: { title: 'You left', text: 'The others were told.', mayReturn: true },
  REMOVED: { title: 'You were removed', text: 'A host took you out of this room.', mayReturn: false },
  KEPT_OUT: {
    title: 'You are kept out of this room',
    text: 'A host took you out of it. A host has to let you back first: ask them, and then try again.',
    mayReturn: true,
  },
  ROOM_LOCKED: {
    title: 'The room is locked',
    text: 'A host has locked it: nobody new comes in. Ask whoever is inside to unlock it, and try again.',
    mayReturn: true,
  },
  DENIED: { title: 'You were not let in', text: 'Somebody inside said no this time.', mayReturn: true },
  SESSION_ENDED: { title: 'The meeting is over', text: 'It was ended for everybody.', mayReturn: true },
  ROOM_CLOSED: { title: 'The room is closed', text: 'Nobody can join it any more.', mayReturn: false },
  DUPLICATE_PARTICIPANT: {
    title: 'You are here in another window',
    text: 'The same person joined somewhere else, and this window made way.',
    mayReturn: true,
  },
  MAX_PARTICIPANT_REACHED: { title: 'The room is full', text: 'Try again when somebody has left.', mayReturn: true },
  INVALID_TOKEN: {
    title: 'This link is no longer good',
    text: 'It is too old, it was taken back, or a part of it is missing. Ask for a new one.',
    mayReturn: false,
  },
  INVALID_API_KEY: {
    title: 'This link is no longer good',
    text: 'It was withdrawn. Ask for a new one.',
    mayReturn: false,
  },
  INVALID_MEETING_ID: { title: 'There is no such room', text: 'Or it was closed. Check the link.', mayReturn: false },
  INVALID_PARTICIPANT_ID: {
    title: 'This link is not for you',
    text: 'The room lets in named people alone, or the link is somebody else’s.',
    mayReturn: false,
  },
  INVALID_PERMISSIONS: {
    title: 'This link lets nobody in',
    text: 'It allows neither to join nor to ask. Ask for another.',
    mayReturn: false,
  },
  UNAUTHORIZED_ROOM_ID: { title: 'This link is for another room', text: 'Open it as you got it.', mayReturn: false },
  CONNECTION_LOST: {
    title: 'The connection is gone',
    text: 'The room could not be reached for some minutes.',
    mayReturn: true,
  },
  SERVER_STOPPING: { title: 'The server was stopped', text: 'It may be back in a moment.', mayReturn: true },
  MOVED: { title: 'The room moved', text: 'Come in again: you are the same person as before.', mayReturn: true },
  TOO_MANY_JOINS: { title: 'Too many joins at once', text: 'It may be better in a moment.', mayReturn: true },
  NOT_RECORDED: { title: 'The server could not take you in', text: 'It may be better in a moment.', mayReturn: true },
  SILENT: { title: 'The connection is gone', text: 'The room heard nothing from here any more.', mayReturn: true },
  TOO_SLOW: { title: 'The connection is too slow', text: 'The room said more than came through.', mayReturn: true },
  JOIN_TIMEOUT: { title: 'The connection is too slow', text: 'The room waited, and nobody came in.', mayReturn: true },
  TOKEN_UNAVAILABLE: { title: 'This link is not whole', text: 'Open the link as you got it.', mayReturn: false },
  MESSAGE_TOO_BIG: ours(),
  TOO_MANY_MESSAGES: ours(),
  INVALID_MESSAGE: ours(),
  UNKNOWN: ours(),
}

function ours(): CloseText {
  return {
    title: 'Something went wrong',
    text: 'The connection was closed, and it was not your doing. Join again; if it happens once more, load the page anew.',
    mayReturn: true,
  }
}

export function explainClose(name: RoomCloseName): CloseText {
  return texts[name]
}

/** Most people in a room whose browsers send to each other directly. */
export const meshMax = 8

export const tooMany: CloseText = {
  title: 'Eight people are here already',
  text: 'Browsers that send to each other directly cannot be more. A larger meeting takes a media server, such as LiveKit, Janus, Jitsi or BigBlueButton, whose sessions Rollcall records too.',
  mayReturn: true,
}
