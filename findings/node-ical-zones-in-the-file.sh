#!/usr/bin/env bash
# An iCalendar file defines its time zones itself (VTIMEZONE, RFC 5545 section 3.6.5), under any name: Evolution writes
# "/freeassociation.sourceforge.net/Europe/Berlin", people type their own. node-ical 0.27.2 does not look at the definition where
# it does not know the name: it says that it falls back to UTC, and takes the zone of the process. ical.js 2.2.1 reads it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "node-ical": "0.27.2", "ical.js": "2.2.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ICAL from 'ical.js'
import ical from 'node-ical'

const berlin = [
  'BEGIN:STANDARD', 'DTSTART:19961027T030000', 'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10',
  'TZOFFSETFROM:+0200', 'TZOFFSETTO:+0100', 'END:STANDARD',
  'BEGIN:DAYLIGHT', 'DTSTART:19810329T020000', 'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3',
  'TZOFFSETFROM:+0100', 'TZOFFSETTO:+0200', 'END:DAYLIGHT',
]
for (const zone of ['Europe/Berlin', 'Team Berlin', '/freeassociation.sourceforge.net/Europe/Berlin']) {
  const calendar = [
    'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//standup//EN',
    'BEGIN:VTIMEZONE', `TZID:${zone}`, ...berlin, 'END:VTIMEZONE',
    'BEGIN:VEVENT', 'UID:standup', 'DTSTAMP:20260601T000000Z', `DTSTART;TZID=${zone}:20260701T090000`,
    `DTEND;TZID=${zone}:20260701T100000`, 'SUMMARY:Standup', 'END:VEVENT', 'END:VCALENDAR', '',
  ].join('\r\n')
  const one = Object.values(ical.sync.parseICS(calendar)).find(({ type }) => type === 'VEVENT')
  const other = new ICAL.Event(new ICAL.Component(ICAL.parse(calendar)).getFirstSubcomponent('vevent'))
  const start = (date) => date.toISOString().slice(11, 16)
  console.log(`${process.env.TZ}, ${zone}: node-ical ${start(one.start)}, ical.js ${start(other.startDate.toJSDate())}`)
}
JS
seen=$(for zone in UTC America/New_York; do TZ=$zone node call.mjs 2>/dev/null; done)
echo "node-ical 0.27.2, ical.js 2.2.1, of nine o'clock in Berlin's summer (right: 07:00 UTC):"
echo "$seen"
expected='UTC, Europe/Berlin: node-ical 07:00, ical.js 07:00
UTC, Team Berlin: node-ical 09:00, ical.js 07:00
UTC, /freeassociation.sourceforge.net/Europe/Berlin: node-ical 09:00, ical.js 07:00
America/New_York, Europe/Berlin: node-ical 07:00, ical.js 07:00
America/New_York, Team Berlin: node-ical 13:00, ical.js 07:00
America/New_York, /freeassociation.sourceforge.net/Europe/Berlin: node-ical 13:00, ical.js 07:00'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
