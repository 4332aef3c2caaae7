#!/usr/bin/env bash
# To import icalevents changes what icalendar reads from then on, anywhere in the process: it sets icalendar's provider of time zones, which is
# global, to pytz, of which its description says nothing. A night of eight hours that seven were read of has eight, and a time that is twice, as
# the clocks go back, is the second in place of the first, against RFC 5545 section 3.3.5. No report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --root-user-action=ignore --target python \
  icalendar==7.3.2 icalevents==0.3.1 python-dateutil==2.9.0.post0 pytz==2026.6 tzdata==2026.6
cat > call.py <<'PY'
from datetime import timezone
from icalendar import Calendar

LINES = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//course//EN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:night
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260328T220000
DURATION:PT8H
END:VEVENT
BEGIN:VEVENT
UID:twice
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20261025T023000
DTEND;TZID=Europe/Berlin:20261025T040000
END:VEVENT
END:VCALENDAR
"""


def read():
    night, twice = Calendar.from_ical(LINES.replace("\n", "\r\n")).walk("VEVENT")
    start, end = (time.astimezone(timezone.utc) for time in (night.start, night.end))
    return f"a night of {(end - start).total_seconds() / 3600:g} hours, and half past two is {twice.start.astimezone(timezone.utc):%H:%M} UTC"


print("before:", read())
import icalevents.icalevents

print("after: ", read())
PY
seen=$(PYTHONPATH=python python3 call.py)
echo "icalendar 7.3.2, before and after the import of icalevents 0.3.1:"
echo "$seen"
expected='before: a night of 7 hours, and half past two is 00:30 UTC
after:  a night of 8 hours, and half past two is 01:30 UTC'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
