#!/usr/bin/env bash
# A local time that is twice, as the clocks go back, is the first of the two; one that is never, as they go forward, has the offset of before
# (RFC 5545 section 3.3.5, whose own examples are the two of New York here). ical.js has the other in all four, node-ical in the two that are
# twice, and golang-ical in one of each, by which side of Greenwich the zone is: Go's time.Date promises neither. icalendar of Python has all four
# right. libical's tracker tells of the second example; of these three no report was found.
set -euo pipefail
command -v go >/dev/null || { echo "needs Go 1.26"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "ical.js": "2.2.1", "node-ical": "0.27.2" } }' > package.json
npm install --silent --no-audit --no-fund
python3 -m pip install --quiet --root-user-action=ignore --target python icalendar==7.3.2 tzdata==2026.6
berlin=(BEGIN:VTIMEZONE TZID:Europe/Berlin
  BEGIN:DAYLIGHT TZOFFSETFROM:+0100 TZOFFSETTO:+0200 TZNAME:CEST DTSTART:19700329T020000 'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU' END:DAYLIGHT
  BEGIN:STANDARD TZOFFSETFROM:+0200 TZOFFSETTO:+0100 TZNAME:CET DTSTART:19701025T030000 'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU' END:STANDARD
  END:VTIMEZONE)
newYork=(BEGIN:VTIMEZONE TZID:America/New_York
  BEGIN:DAYLIGHT TZOFFSETFROM:-0500 TZOFFSETTO:-0400 TZNAME:EDT DTSTART:20070311T020000 'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU' END:DAYLIGHT
  BEGIN:STANDARD TZOFFSETFROM:-0400 TZOFFSETTO:-0500 TZNAME:EST DTSTART:20061029T020000 'RDATE:20061029T020000' END:STANDARD
  BEGIN:STANDARD TZOFFSETFROM:-0400 TZOFFSETTO:-0500 TZNAME:EST DTSTART:20071104T020000 'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU' END:STANDARD
  END:VTIMEZONE)
write() {
  printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:-//course//EN "${@:2}" END:VEVENT END:VCALENDAR > "$1.ics"
}
event=(BEGIN:VEVENT UID:course DTSTAMP:20070101T000000Z SUMMARY:Course)
write 1 "${newYork[@]}" "${event[@]}" 'DTSTART;TZID=America/New_York:20071104T013000' 'DTEND;TZID=America/New_York:20071104T050000'
write 2 "${newYork[@]}" "${event[@]}" 'DTSTART;TZID=America/New_York:20070311T023000' 'DTEND;TZID=America/New_York:20070311T050000'
write 3 "${berlin[@]}" "${event[@]}" 'DTSTART;TZID=Europe/Berlin:20261025T023000' 'DTEND;TZID=Europe/Berlin:20261025T050000'
write 4 "${berlin[@]}" "${event[@]}" 'DTSTART;TZID=Europe/Berlin:20260329T023000' 'DTEND;TZID=Europe/Berlin:20260329T050000'
cat > call.mjs <<'JS'
import { readFileSync } from 'node:fs'
import ICAL from 'ical.js'
import ical from 'node-ical'

const texts = [1, 2, 3, 4].map((file) => readFileSync(`${file}.ics`, 'utf8'))
const tell = (name, starts) => console.log(`${name}: ${starts.map((start) => start.toISOString().slice(11, 16)).join(' ')}`)
const first = (text) => new ICAL.Event(new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent('vevent'))
tell('ical.js', texts.map((text) => first(text).startDate.toJSDate()))
tell('node-ical', texts.map((text) => Object.values(ical.sync.parseICS(text)).find(({ type }) => type === 'VEVENT').start))
JS
cat > call.py <<'PY'
from datetime import timezone
import icalendar

texts = []
for number in range(1, 5):
    with open(f"{number}.ics", newline="") as file:
        texts.append(file.read())
starts = [icalendar.Calendar.from_ical(text).walk("VEVENT")[0].start for text in texts]
print("icalendar: " + " ".join(f"{start.astimezone(timezone.utc):%H:%M}" for start in starts))
PY
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"
	_ "time/tzdata"

	ics "github.com/arran4/golang-ical"
)

func main() {
	fmt.Print("golang-ical:")
	for file := 1; file <= 4; file++ {
		opened, err := os.Open(fmt.Sprintf("%d.ics", file))
		if err != nil {
			panic(err)
		}
		calendar, err := ics.ParseCalendar(opened)
		if err != nil {
			panic(err)
		}
		start, err := calendar.Events()[0].GetStartAt()
		if err != nil {
			panic(err)
		}
		fmt.Print(" ", start.UTC().Format("15:04"))
	}
	fmt.Println()
}
GO
go mod init times 2>/dev/null
go get github.com/arran4/golang-ical@v0.3.4 2>/dev/null
seen=$(node call.mjs && PYTHONPATH=python python3 call.py && go run .)
echo "ical.js 2.2.1, node-ical 0.27.2, icalendar 7.3.2, golang-ical 0.3.4, starts in UTC; the standard has 05:30 07:30 00:30 01:30:"
echo "$seen"
expected='ical.js: 06:30 06:30 01:30 00:30
node-ical: 06:30 07:30 01:30 01:30
icalendar: 05:30 07:30 00:30 01:30
golang-ical: 05:30 06:30 01:30 01:30'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
