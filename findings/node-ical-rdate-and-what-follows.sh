#!/usr/bin/env bash
# An event may have dates beside its rule (RDATE), and an override may stand for all that follow (RANGE=THISANDFUTURE): RFC 5545
# sections 3.8.5.2 and 3.2.13. node-ical 0.27.2 reads both, and its expandRecurringEvent gives neither: of an event with RDATE alone the
# first date, of one with a rule what the rule gives, and of an override the one date that it names. ical.js 2.2.1 has the dates of both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "node-ical": "0.27.2", "ical.js": "2.2.1" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ICAL from 'ical.js'
import ical from 'node-ical'

const event = (...lines) => ['BEGIN:VEVENT', 'UID:course', 'DTSTAMP:20260601T000000Z', 'SUMMARY:Course', ...lines, 'END:VEVENT']
const calendar = (...lines) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//course//EN', ...lines, 'END:VCALENDAR', ''].join('\r\n')
const first = ['DTSTART:20260701T090000Z', 'DTEND:20260701T100000Z']
const files = {
  'a rule and RDATE': calendar(...event(...first, 'RRULE:FREQ=DAILY;COUNT=2', 'RDATE:20260710T090000Z')),
  'a rule, and from the third on two hours later': calendar(
    ...event(...first, 'RRULE:FREQ=DAILY;COUNT=4'),
    ...event('RECURRENCE-ID;RANGE=THISANDFUTURE:20260703T090000Z', 'DTSTART:20260703T110000Z', 'DTEND:20260703T120000Z'),
  ),
}
const toText = (date) => date.toISOString().slice(5, 13)
const range = { from: new Date('2026-06-25T00:00:00Z'), to: new Date('2026-08-01T00:00:00Z') }
for (const [what, text] of Object.entries(files)) {
  const one = Object.values(ical.sync.parseICS(text)).find(({ type }) => type === 'VEVENT')
  const byOne = ical.expandRecurringEvent(one, range).map(({ start }) => toText(start))
  const all = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents('vevent')
  const [master, ...exceptions] = all
  const other = new ICAL.Event(master, { exceptions })
  const iterator = other.iterator()
  const byOther = []
  for (let next = iterator.next(); next; next = iterator.next()) {
    byOther.push(toText(other.getOccurrenceDetails(next).startDate.toJSDate()))
  }
  console.log(`${what}\n  node-ical ${byOne.join(' ')}\n  ical.js   ${byOther.join(' ')}`)
}
JS
seen=$(node call.mjs)
echo "node-ical 0.27.2, ical.js 2.2.1, day and hour of each:"
echo "$seen"
expected='a rule and RDATE
  node-ical 07-01T09 07-02T09
  ical.js   07-01T09 07-02T09 07-10T09
a rule, and from the third on two hours later
  node-ical 07-01T09 07-02T09 07-03T11 07-04T09
  ical.js   07-01T09 07-02T09 07-03T11 07-04T11'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
