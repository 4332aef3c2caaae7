/**
 * Two people meet in a hosted room. The network of one of them fails for a moment, and they are back. When both have left
 * and the session is over, prints the list of the room's sessions as the API answers it.
 */
import { joinRoom, Rollcall } from '@rollcall/client'
import { startRelay } from './relay.ts'

const { ROLLCALL_URL: url = 'http://127.0.0.1:4000', ROLLCALL_TOKEN: token } = process.env
if (token === undefined) {
  console.error('ROLLCALL_TOKEN is missing: sign one with  npm run -s rollcall -- token')
  process.exit(1)
}

const rollcall = new Rollcall({ url, token })
const { roomId } = await rollcall.rooms.create()
const relay = await startRelay(url)

const jacques = await joinRoom({ url, token, roomId, name: 'Jacques' }).joined
const rahul = await joinRoom({ url: relay.url, token, roomId, name: 'Rahul' }).joined
console.error(`${jacques.participantId} and ${rahul.participantId} are in room ${roomId}`)

const back = new Promise<void>((resolve) => rahul.on('joined', () => resolve()))
rahul.on('reconnecting', ({ name }) => console.error(`${rahul.participantId}: ${name}`))
relay.cut()
await back
console.error(`${rahul.participantId} is back, in the same session`)

await rahul.leave()
await jacques.leave()
relay.close()

console.error('Both have left: the session is over when nobody comes back within the grace')
const sessions = rollcall.sessions.list({ roomId })
let page = await sessions.page()
while (page.data[0]?.status !== 'ended') {
  await new Promise((resolve) => setTimeout(resolve, 500))
  page = await sessions.page()
}
console.log(JSON.stringify(page, null, 2))
