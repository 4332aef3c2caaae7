import type { ImportFormat } from '@rollcall/client'

/** What a file may leave open, and whoever brings it says. */
export const questions = ['room', 'tz', 'date', 'dateOrder', 'merged'] as const
export type Question = (typeof questions)[number]

/** The files that can be brought: whose they are, which, and what they may leave open. */
export const formats: { [format in ImportFormat]: { title: string; file: string; opens: Question[] } } = {
  csv: {
    title: 'A table (CSV)',
    file: 'With the columns room, person, name, joined and left, in any order, and perhaps session',
    opens: ['room', 'tz', 'dateOrder'],
  },
  zoom: {
    title: 'Zoom',
    file: 'Reports, Usage, Participants, with “Show unique users” off; or the attendees of a webinar',
    opens: ['room', 'tz', 'dateOrder'],
  },
  teams: {
    title: 'Microsoft Teams',
    file: 'The attendance report of a meeting',
    opens: ['room', 'tz', 'dateOrder', 'merged'],
  },
  meet: {
    title: 'Google Meet',
    file: 'The attendance report of a meeting, as CSV',
    opens: ['room', 'tz', 'date', 'dateOrder', 'merged'],
  },
  'bigbluebutton-events': {
    title: 'BigBlueButton: events.xml',
    file: 'The events.xml of a recorded meeting',
    opens: [],
  },
  'bigbluebutton-dashboard': {
    title: 'BigBlueButton: learning dashboard',
    file: 'The JSON of the learning dashboard',
    opens: [],
  },
  daily: { title: 'Daily', file: 'The answer of GET /v1/meetings', opens: [] },
  '100ms': { title: '100ms', file: 'The answer of GET /v2/sessions?active=false', opens: [] },
  twilio: {
    title: 'Twilio Video',
    file: 'The answers of GET /v1/Rooms?Status=completed and of each room’s Participants, in one file',
    opens: [],
  },
  'livekit-cloud': {
    title: 'LiveKit Cloud',
    file: 'The answers of the Analytics API for single sessions, in one file',
    opens: [],
  },
  videosdk: { title: 'VideoSDK', file: 'The answers of GET /v2/sessions, of VideoSDK or another Rollcall', opens: [] },
}

/** What a refusal asks for, in the words of the API: `say dateOrder (--date-order)`. */
export function questionIn(refusal: string | undefined): Question | undefined {
  const asked = /\bsay (\w+) \(--/.exec(refusal ?? '')?.[1]
  return questions.find((one) => one === asked)
}
