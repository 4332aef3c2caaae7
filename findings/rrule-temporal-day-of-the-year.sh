#!/usr/bin/env bash
# Beside BYYEARDAY a BYDAY limits (RFC 5545 section 3.3.10, note 2 of its table): the sixtieth day of the year, where that is a Monday.
# rrule-temporal 2.2.8 gives it on every day of the week; with BYMONTHDAY it limits. rrule 2.8.1 and python-dateutil 2.9.0 limit in both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "rrule": "2.8.1", "rrule-temporal": "2.2.8" } }' > package.json
npm install --silent --no-audit --no-fund
python3 -m pip install --quiet --root-user-action=ignore --target python python-dateutil==2.9.0
cat > call.mjs <<'JS'
import rrule from 'rrule'
import { RRuleTemporal } from 'rrule-temporal'

for (const rule of ['FREQ=YEARLY;BYYEARDAY=60;BYDAY=MO;COUNT=3', 'FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1;BYDAY=MO;COUNT=3']) {
  const by = rrule.rrulestr(`DTSTART:20260101T090000Z\nRRULE:${rule}`).all()
  const other = new RRuleTemporal({ rruleString: `DTSTART:20260101T090000Z\nRRULE:${rule}` }).all()
  console.log(rule)
  console.log(`  rrule          ${by.map((date) => date.toISOString().slice(0, 10)).join(' ')}`)
  console.log(`  rrule-temporal ${other.map((time) => time.toPlainDate().toString()).join(' ')}`)
}
JS
cat > call.py <<'PY'
from datetime import datetime
from dateutil.rrule import rrulestr

for rule in ["FREQ=YEARLY;BYYEARDAY=60;BYDAY=MO;COUNT=3", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1;BYDAY=MO;COUNT=3"]:
    print("  dateutil       " + " ".join(f"{day:%Y-%m-%d}" for day in rrulestr(rule, dtstart=datetime(2026, 1, 1, 9))))
PY
seen=$(node call.mjs && PYTHONPATH=python python3 call.py)
echo "rrule 2.8.1, rrule-temporal 2.2.8, and of both rules python-dateutil 2.9.0:"
echo "$seen"
expected='FREQ=YEARLY;BYYEARDAY=60;BYDAY=MO;COUNT=3
  rrule          2027-03-01 2038-03-01 2044-02-29
  rrule-temporal 2026-03-01 2027-03-01 2028-02-29
FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1;BYDAY=MO;COUNT=3
  rrule          2027-03-01 2032-03-01 2038-03-01
  rrule-temporal 2027-03-01 2032-03-01 2038-03-01
  dateutil       2027-03-01 2038-03-01 2044-02-29
  dateutil       2027-03-01 2032-03-01 2038-03-01'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
