#!/usr/bin/env bash
# bigbluebutton-js makes numbers of texts that look like one, in what BigBlueButton answers: the people 0042 and 42 both become 42, who is called
# 1e3 becomes 1000, and where the meeting 00101 is asked about by the ID that was read, the URL names another one, 101. BigBlueButton's API
# reference has meetingID, userID and fullName as strings. No report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "bigbluebutton-js": "0.2.0" }, "overrides": { "fast-xml-parser": "3.21.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import { createServer } from 'node:http'
import bbb from 'bigbluebutton-js'

const people = [['0042', 'Anna'], ['42', 'Ben'], ['7', '007'], ['8', '1e3'], ['9', '0x1F'], ['10', '3.10']]
const attendees = people.map(([id, name]) => `<attendee><userID>${id}</userID><fullName>${name}</fullName><role>VIEWER</role></attendee>`)
const meeting = `<meeting><meetingName>00101</meetingName><meetingID>00101</meetingID><attendees>${attendees.join('')}</attendees></meeting>`
const server = createServer((_request, response) => {
  response.setHeader('Content-Type', 'text/xml')
  response.end(`<response><returncode>SUCCESS</returncode><meetings>${meeting}</meetings></response>`)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const { monitoring } = bbb.api(`http://127.0.0.1:${server.address().port}/bigbluebutton`, 'secret')
const [read] = (await bbb.http(monitoring.getMeetings())).meetings
for (const [n, { userID, fullName }] of read.attendees.attendee.entries()) {
  console.log(`${people[n].join(' ')}: ${JSON.stringify(userID)} ${JSON.stringify(fullName)}`)
}
console.log(`00101: asked about as ${new URL(monitoring.getMeetingInfo(read.meetingID)).searchParams.get('meetingID')}`)
server.close()
JS
seen=$(node call.mjs)
echo "bigbluebutton-js 0.2.0, what was sent and what was read:"
echo "$seen"
expected='0042 Anna: 42 "Anna"
42 Ben: 42 "Ben"
7 007: 7 7
8 1e3: 8 1000
9 0x1F: 9 31
10 3.10: 10 3.1
00101: asked about as 101'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
