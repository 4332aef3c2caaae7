#!/usr/bin/env bash
# Where an event recurs by dates alone (RDATE, and no rule), its DTSTART is the first of them (RFC 5545 section 3.8.5.2: what recurs is the
# start and what the rule and the dates add). The iterator of ical.js 2.2.1 leaves that first one out; beside a rule it is there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "ical.js": "2.2.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ICAL from 'ical.js'

for (const [what, ...more] of [
  ['dates alone', 'RDATE:20260703T090000Z,20260705T090000Z'],
  ['a rule and dates', 'RRULE:FREQ=DAILY;COUNT=1', 'RDATE:20260703T090000Z,20260705T090000Z'],
]) {
  const calendar = [
    'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//course//EN', 'BEGIN:VEVENT', 'UID:course', 'DTSTAMP:20260601T000000Z',
    'DTSTART:20260701T090000Z', 'DTEND:20260701T100000Z', 'SUMMARY:Course', ...more, 'END:VEVENT', 'END:VCALENDAR', '',
  ].join('\r\n')
  const event = new ICAL.Event(new ICAL.Component(ICAL.parse(calendar)).getFirstSubcomponent('vevent'))
  const iterator = event.iterator()
  const days = []
  for (let next = iterator.next(); next; next = iterator.next()) days.push(next.toString().slice(0, 10))
  console.log(`${what}: ${days.join(' ')}`)
}
JS
seen=$(node call.mjs)
echo "ical.js 2.2.1, of a course that starts on 2026-07-01:"
echo "$seen"
expected='dates alone: 2026-07-03 2026-07-05
a rule and dates: 2026-07-01 2026-07-03 2026-07-05'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
