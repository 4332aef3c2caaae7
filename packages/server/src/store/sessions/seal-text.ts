// The JSON of one session is mostly like that of any other: half of it are names of fields. What they have in common is kept as one character
// each, of those that JSON has none of: so a text from before there was this is read as it is, and texts are compared as they are kept.
// To compress each text would make it half as long again, and cost twenty of them 400 µs in place of 40: bench/RESULTS.md.

/** Each is kept as the character of its place: no place is ever given to another. Not in use: 0, which no text may have, and the end of a line. */
const fragments = [
  undefined,
  '{"participantId":"',
  '","name":"',
  '","timelog":[{"start":"',
  'Z","end":"',
  'Z"}],"_id":"',
  '","totalSeconds":',
  ',"kind":"person"},{"participantId":"',
  ',"kind":"person"}],"status":"ended"',
  '{"id":"',
  undefined,
  '","roomId":"',
  '","start":"',
  'Z","participants":[{"participantId":"',
  'Z","participants":[',
  'Z"},{"start":"',
  'Z","reason":"',
  '"},{"start":"',
  '"}],"_id":"',
  ',"inferred":true',
  '"customRoomId":"',
  '"customRoomId":null,"apiKey":"',
  '","apiKey":"',
  '","userId":"',
  '","activeDuration":',
  ',"maxJoinedPeersCount":',
  '"engine":"',
  '","revision":',
  '","revision":0,"updatedAt":"',
  ',"updatedAt":"',
  'Z","participantSeconds":',
  ',"uniqueParticipants":',
]
const codes = new Map(
  fragments.flatMap((fragment, code) => (fragment === undefined ? [] : [[fragment, String.fromCharCode(code)]])),
)
/** The longest that fits, at each place. */
const anyFragment = new RegExp(
  [...codes.keys()]
    .sort((a, b) => b.length - a.length)
    .map((fragment) => fragment.replaceAll(/[[\]{}]/g, '\\$&'))
    .join('|'),
  'g',
)

/** A part of a session's JSON as it is kept. */
export function encodeText(json: string): string {
  return json.replace(anyFragment, (fragment) => codes.get(fragment) ?? fragment)
}

export function decodeText(kept: string): string {
  let json = ''
  let from = 0
  for (let i = 0; i < kept.length; i++) {
    const code = kept.charCodeAt(i)
    const fragment = code < fragments.length ? fragments[code] : undefined
    if (fragment === undefined) continue
    json += kept.slice(from, i) + fragment
    from = i + 1
  }
  return json + kept.slice(from)
}
