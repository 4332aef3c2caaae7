#!/usr/bin/env bash
# A meeting at nine in Berlin on three days across the end of summer time, as RFC 5545 writes it (DTSTART with a TZID, a daily
# RRULE). rrule 2.8.1 gives other instants under another zone of the process (`TZ`), right ones under UTC alone, and says nothing;
# rrule-temporal 2.2.8 and node-ical 0.27.2 give the same instants everywhere.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true,
  "dependencies": { "rrule": "2.8.1", "rrule-temporal": "2.2.8", "node-ical": "0.27.2" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ical from 'node-ical'
import rrule from 'rrule'
import { RRuleTemporal } from 'rrule-temporal'

const start = 'DTSTART;TZID=Europe/Berlin:20261024T090000'
const rule = 'RRULE:FREQ=DAILY;COUNT=3'
const calendar = [
  'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//standup//EN', 'BEGIN:VEVENT', 'UID:standup', 'DTSTAMP:20261001T000000Z',
  start, rule, 'SUMMARY:Standup', 'END:VEVENT', 'END:VCALENDAR', '',
].join('\r\n')
const event = Object.values(ical.sync.parseICS(calendar)).find(({ type }) => type === 'VEVENT')
const instants = {
  rrule: rrule.rrulestr(`${start}\n${rule}`).all(),
  'rrule-temporal': new RRuleTemporal({ rruleString: `${start}\n${rule}` }).all().map((at) => new Date(at.epochMilliseconds)),
  'node-ical': event.rrule.all(),
}
for (const [name, dates] of Object.entries(instants)) {
  console.log(`${process.env.TZ} ${name}:`, dates.map((date) => date.toISOString().slice(5, 16)).join(' '))
}
JS
seen=$(for zone in UTC Europe/Berlin America/New_York; do TZ=$zone node call.mjs; done)
echo "rrule 2.8.1, rrule-temporal 2.2.8, node-ical 0.27.2 (right: 10-24T07:00 10-25T08:00 10-26T08:00):"
echo "$seen"
expected='UTC rrule: 10-24T07:00 10-25T08:00 10-26T08:00
UTC rrule-temporal: 10-24T07:00 10-25T08:00 10-26T08:00
UTC node-ical: 10-24T07:00 10-25T08:00 10-26T08:00
Europe/Berlin rrule: 10-24T09:00 10-25T09:00 10-26T09:00
Europe/Berlin rrule-temporal: 10-24T07:00 10-25T08:00 10-26T08:00
Europe/Berlin node-ical: 10-24T07:00 10-25T08:00 10-26T08:00
America/New_York rrule: 10-24T03:00 10-25T04:00 10-26T04:00
America/New_York rrule-temporal: 10-24T07:00 10-25T08:00 10-26T08:00
America/New_York node-ical: 10-24T07:00 10-25T08:00 10-26T08:00'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
