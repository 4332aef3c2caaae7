import { perPageMax } from '@rollcall/protocol'

// What the OpenAPI document says in words of its own, in Markdown.

export const documentText = `
Who was in which real-time room, from when to when? Rollcall keeps the record: **rooms**, the named places; **sessions**,
each one life of a room; **participants**, each one person in one session, with a **timelog** of their joins and leaves.

Clients written for VideoSDK's v2 rooms-and-sessions API work when their base URL is this server's. What is here
and not there is named as such.

## Tokens
A call carries \`Authorization: <token>\`, the token as it is (\`Bearer <token>\` is understood too). It is a JWT, signed
with HS256 and the secret of an API key:

\`\`\`json
{
  "apikey": "<your API key>",
  "roles": ["crawler"],
  "iat": 1645516631,
  "exp": 1645520231
}
\`\`\`

\`npm run rollcall -- token\` prints one. With a \`roomId\` among its claims a token sees and acts on that room alone:
anything else is not found. What belongs to another key is not found either, word for word.

## Pages
Lists take \`page\`, from 1, and \`perPage\`, 20 unless you say otherwise and at most ${perPageMax}. \`pageInfo\` says how many
pages there are. A page past the last is empty, not an error.

## Requests and answers
- Times are ISO 8601, in UTC, with milliseconds. The \`end\` of what still goes on is \`null\`, never missing.
- A body is a JSON object, a form (\`application/x-www-form-urlencoded\`), or nothing at all. Fields and parameters that
  are not known are ignored; one that is known with a wrong value is refused, and the error names it. \`null\` and an
  empty text are a field or parameter left out. \`[]\` in place of an object is an empty one, as PHP writes it.
- An answer may come to have more fields, after those described here.
- Requests are counted by key, by address where there is no good token: \`ratelimit-limit\`, \`ratelimit-remaining\` and
  \`ratelimit-reset\` say how many a second there may be, and how many are left.
- What is answered to \`GET\` is answered to \`HEAD\` without its body.
- Each answer has an \`x-request-id\` header: the request's own, where that was sane, or one that the server's log knows.
- Browsers may call from any origin.
`.trim()

export const tokenText =
  'The token as it is, a JWT signed with HS256 and the secret of an API key, whose claims are described above.'

export const signInText =
  'What a browser keeps where somebody is signed in, as `POST /v2/sign-in` sets it. It is taken from pages of this server alone.'

export const livekitTokenText =
  'A token of LiveKit’s, after `Bearer`: signed with the API key and secret of a LiveKit source, with the grant `video.roomList`.'

export const crawlerText = 'The token has to name the role `crawler`, and may not be bound to a room.'

export const webhookText =
  'Sent to the address that the room was given, where its `events` name it; at least once, and those about one session in order.'

export const tags = [
  { name: 'Sessions', description: 'What took place in the rooms, and ending it.' },
  { name: 'Participants', description: 'Who was inside a session, from when to when, and removing them.' },
  { name: 'People', description: 'Who was ever inside, over all sessions, and who of them are one person.' },
  { name: 'Schedules', description: 'When rooms should be used and by whom, and who was there then.' },
  { name: 'Quality', description: 'How the media went, where anybody measured it.' },
  { name: 'Reports', description: 'Who was inside as rows, and how much the rooms were used.' },
  { name: 'Rooms', description: 'The named places.' },
  { name: 'Events', description: 'Facts that your own media server reports.' },
  { name: 'Sources', description: 'Media servers of yours that report here, and the door that they report to.' },
  {
    name: 'Webhooks',
    description: 'What the server sends when something happens, and the key that it is signed with.',
  },
  {
    name: 'LiveKit',
    description: 'LiveKit Cloud’s Analytics API. Its calls take a token by the API key and secret of a LiveKit source.',
  },
  { name: 'Keys', description: 'Who may call, for what, and who did what.' },
  { name: 'Users', description: 'Who signs in to the dashboard, and sees what.' },
  {
    name: 'Daily',
    description:
      'The meetings of Daily’s REST API, with a token of the key: times in Unix seconds, errors in its words.',
  },
  { name: 'Server', description: 'How the server is, and what it can do. These calls take no token.' },
]

/** What it means that a call was refused, by status. */
export const refusalTexts: { [status: string]: string } = {
  400: 'Something in the request is not understood: the error names it, and what it takes.',
  401: 'There is no token, or it is not good.',
  402: 'It takes the room’s own id.',
  403: 'The token does not allow it.',
  404: 'There is no such thing, or none that the token may see.',
  409: 'It cannot be done as things stand.',
  413: 'The body is too large.',
  415: 'The body is of a type that is not understood.',
  429: 'There were too many requests. Try again after the seconds in `retry-after`.',
  500: 'Something went wrong on the server. Its log has the `requestId`.',
  503: 'The server has too much to do. Try again after the seconds in `retry-after`.',
}

export const etagHeader = {
  type: 'string',
  description: 'Send it as `if-none-match`: while nothing changed, the answer is 304.',
}
export const retryAfterHeader = { type: 'integer', description: 'When to try again, in seconds.' }
