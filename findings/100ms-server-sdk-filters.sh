#!/usr/bin/env bash
# 100ms's official Node SDK 0.3.0 types `after` and `before` of a list as Date, and sends none of them: who asks for the sessions of March gets
# those of all time. A name is put into the address as it is, so that the rooms that are called R&D are asked for as those called R. Of a list of
# events the second page is never asked for: it looks for `last`, where these have `next`. And of what is listed, `created_at`, which is a Date by
# its type too, is a text; of one session it is a Date. No report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "@100mslive/server-sdk": "0.3.0" }, "overrides": { "axios": "0.27.2" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import { createServer } from 'node:http'
import * as HMS from '@100mslive/server-sdk'

// The SDK has one address, so it calls through a proxy, which answers in 100ms's place.
const proxy = createServer((request, response) => {
  const { pathname, search, searchParams } = new URL(request.url)
  console.log(`  ${pathname}${search}`)
  const session = { id: 's1', room_id: 'r1', active: false, created_at: '2026-03-02T08:00:00Z' }
  const event = { version: '2.0', id: 'e1', type: 'track.add.success', timestamp: '2026-03-02T08:00:00Z', data: {} }
  const answers = {
    '/v2/sessions': { limit: 10, data: [session], last: '' },
    '/v2/sessions/s1': session,
    '/v2/rooms': { limit: 10, data: [], last: '' },
    '/v2/analytics/events': { total: 4, next: searchParams.has('start') ? '' : 'page-2', limit: 2, events: [event, event] },
  }
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify(answers[pathname]))
})
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve))
process.env.HTTPS_PROXY = process.env.https_proxy = `http://127.0.0.1:${proxy.address().port}`
process.env.NO_PROXY = process.env.no_proxy = ''
const hms = new HMS.SDK('key', 'secret')
const all = async (list) => {
  const found = []
  for await (const one of list) found.push(one)
  return found
}
const kind = (at) => (at instanceof Date ? 'a Date' : `a ${typeof at}`)

console.log('sessions from the 1st to the 31st of March:')
const [listed] = await all(hms.sessions.list({ after: new Date('2026-03-01'), before: new Date('2026-03-31'), limit: 10 }))
console.log('one session:')
const one = await hms.sessions.retrieveById('s1')
console.log(`created_at of what is listed is ${kind(listed.created_at)}, of one ${kind(one.created_at)}`)
console.log('rooms that are called R&D:')
await all(hms.rooms.list({ name: 'R&D' }))
console.log('four events, two a page:')
console.log(`${(await all(hms.analytics.listTrackEvents({ room_id: 'r1', type: ['track.add.success'], limit: 2 }))).length} of them`)
proxy.close()
JS
seen=$(NODE_ENV=production node call.mjs)
echo "@100mslive/server-sdk 0.3.0, what it asks for and gives:"
echo "$seen"
expected='sessions from the 1st to the 31st of March:
  /v2/sessions?limit=10
one session:
  /v2/sessions/s1
created_at of what is listed is a string, of one a Date
rooms that are called R&D:
  /v2/rooms?name=R&D
four events, two a page:
  /v2/analytics/events?room_id=r1&type=track.add.success&limit=2
2 of them'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
