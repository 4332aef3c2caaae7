#!/usr/bin/env bash
# Names of properties and parameters are the same in capitals and small letters (RFC 5545 section 2, "case-insensitive"). node-ical 0.27.2
# keeps `dtstart` under that name and gives an event without a start or an end, without a word. ical.js 2.2.1 reads both alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "node-ical": "0.27.2", "ical.js": "2.2.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ICAL from 'ical.js'
import ical from 'node-ical'

for (const [start, end] of [['DTSTART', 'DTEND'], ['dtstart', 'dtend']]) {
  const calendar = [
    'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//standup//EN', 'BEGIN:VEVENT', 'UID:standup', 'DTSTAMP:20260601T000000Z',
    `${start}:20260701T090000Z`, `${end}:20260701T100000Z`, 'SUMMARY:Standup', 'END:VEVENT', 'END:VCALENDAR', '',
  ].join('\r\n')
  const one = Object.values(ical.sync.parseICS(calendar)).find(({ type }) => type === 'VEVENT')
  const other = new ICAL.Event(new ICAL.Component(ICAL.parse(calendar)).getFirstSubcomponent('vevent'))
  console.log(`${start}: node-ical ${one.start?.toISOString()} to ${one.end?.toISOString()}, ical.js ${other.startDate} to ${other.endDate}`)
}
JS
seen=$(node call.mjs)
echo "node-ical 0.27.2, ical.js 2.2.1:"
echo "$seen"
expected='DTSTART: node-ical 2026-07-01T09:00:00.000Z to 2026-07-01T10:00:00.000Z, ical.js 2026-07-01T09:00:00Z to 2026-07-01T10:00:00Z
dtstart: node-ical undefined to undefined, ical.js 2026-07-01T09:00:00Z to 2026-07-01T10:00:00Z'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
