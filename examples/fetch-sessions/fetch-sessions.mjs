// Prints the first 20 sessions of a room (or of all rooms), newest first.
const {
  ROLLCALL_URL = 'http://127.0.0.1:4000',
  ROLLCALL_TOKEN,
  ROLLCALL_ROOM_ID,
  ROLLCALL_CUSTOM_ROOM_ID,
} = process.env
if (!ROLLCALL_TOKEN) fail('ROLLCALL_TOKEN is missing: sign one with  npm run -s rollcall -- token')

const query = new URLSearchParams()
if (ROLLCALL_ROOM_ID) query.set('roomId', ROLLCALL_ROOM_ID)
if (ROLLCALL_CUSTOM_ROOM_ID) query.set('customRoomId', ROLLCALL_CUSTOM_ROOM_ID)
query.set('page', '1')
query.set('perPage', '20')

const options = {
  method: 'GET',
  headers: { Authorization: ROLLCALL_TOKEN, 'Content-Type': 'application/json' },
}
const response = await fetch(`${ROLLCALL_URL}/v2/sessions/?${query}`, options).catch(({ cause, message }) =>
  fail(`${ROLLCALL_URL} was not reached: ${cause?.message ?? message}`),
)
const text = await response.text()
if (response.status !== 200) fail(`the server answered ${response.status}: ${text}`)
console.log(JSON.stringify(JSON.parse(text), null, 2))

function fail(message) {
  console.error(message)
  process.exit(1)
}
