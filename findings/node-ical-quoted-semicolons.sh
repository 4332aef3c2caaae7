#!/usr/bin/env bash
# A parameter's value within quotes may hold a semicolon (RFC 5545 section 3.2: QSAFE-CHAR), as in the CN of "Müller; Anna (Guest)".
# node-ical 0.27.2 cuts it there in what it gives of an ATTENDEE. ical.js 2.2.1 reads it whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "node-ical": "0.27.2", "ical.js": "2.2.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ICAL from 'ical.js'
import ical from 'node-ical'

for (const name of ['Anna Müller', 'Müller, Anna', 'Anna: Guest', 'Müller; Anna (Guest)']) {
  const calendar = [
    'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//standup//EN', 'BEGIN:VEVENT', 'UID:standup',
    'DTSTAMP:20260601T000000Z', 'DTSTART:20260701T090000Z', 'DTEND:20260701T100000Z', 'SUMMARY:Standup',
    `ATTENDEE;CN="${name}";PARTSTAT=ACCEPTED:mailto:anna@example.org`, 'END:VEVENT', 'END:VCALENDAR', '',
  ].join('\r\n')
  const one = Object.values(ical.sync.parseICS(calendar)).find(({ type }) => type === 'VEVENT')
  const other = new ICAL.Component(ICAL.parse(calendar)).getFirstSubcomponent('vevent').getFirstProperty('attendee')
  console.log(`${name}: node-ical ${JSON.stringify(one.attendee.params.CN)}, ical.js ${JSON.stringify(other.getParameter('cn'))}`)
}
JS
seen=$(node call.mjs)
echo "node-ical 0.27.2, ical.js 2.2.1, of the CN of somebody who is invited:"
echo "$seen"
expected='Anna Müller: node-ical "Anna Müller", ical.js "Anna Müller"
Müller, Anna: node-ical "Müller, Anna", ical.js "Müller, Anna"
Anna: Guest: node-ical "Anna: Guest", ical.js "Anna: Guest"
Müller; Anna (Guest): node-ical "\"Müller", ical.js "Müller; Anna (Guest)"'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
