#!/usr/bin/env bash
# VideoSDK's official Node server SDK 0.1.1, called against a server on this machine that answers as HTTP says:
# - a session that is not there is thrown as RoomNotFoundError, although the answer says SESSION_NOT_FOUND;
# - a 402, whatever it says, is RoomNotFoundError too, and rooms.validate() makes `valid: false` of it;
# - a 429 is tried again after one second, whatever `Retry-After` asks for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "@videosdk.live/server-sdk": "0.1.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import { createServer } from 'node:http'
import { VideoSDK } from '@videosdk.live/server-sdk'

const asked = []
const answers = {
  '/v2/sessions/unknown': [404, { error: 'Session unknown not found', code: 'SESSION_NOT_FOUND' }],
  '/v2/rooms/unpaid': [402, { error: 'The plan of this account ended', code: 'PAYMENT_NEEDED' }],
  '/v2/rooms/validate/unpaid': [402, { error: 'The plan of this account ended', code: 'PAYMENT_NEEDED' }],
}
const server = createServer((request, response) => {
  const [path] = request.url.split('?')
  if (path === '/v2/rooms/busy') asked.push(Date.now())
  const [status, body] = answers[path] ?? (asked.length < 2 ? [429, { error: 'slow down' }] : [200, { roomId: 'busy' }])
  response.writeHead(status, { 'content-type': 'application/json', ...(status === 429 && { 'retry-after': '5' }) })
  response.end(JSON.stringify(body))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const sdk = new VideoSDK({
  apiKey: 'key',
  secret: 'a secret of this test',
  apiEndpoint: `http://127.0.0.1:${server.address().port}`,
})
const nameOf = (call) => call.then(() => 'nothing', (error) => `${error.name}, code ${error.code}`)
console.log('a missing session:', await nameOf(sdk.sessions.get('unknown')))
console.log('a 402 of a room:', await nameOf(sdk.rooms.get('unpaid')))
console.log('validate() of a 402:', JSON.stringify(await sdk.rooms.validate('unpaid')))
await sdk.rooms.get('busy')
console.log('after a 429 with Retry-After: 5 it waited for five seconds:', asked[1] - asked[0] >= 5000)
server.close()
JS
seen=$(node call.mjs)
echo "@videosdk.live/server-sdk 0.1.1:"
echo "$seen"
expected='a missing session: RoomNotFoundError, code SESSION_NOT_FOUND
a 402 of a room: RoomNotFoundError, code PAYMENT_NEEDED
validate() of a 402: {"valid":false,"roomId":"unpaid"}
after a 429 with Retry-After: 5 it waited for five seconds: false'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
