#!/usr/bin/env bash
# "The first and the last" of a set (BYSETPOS=1,-1) is one occurrence where the set has one (RFC 5545 section 3.8.5.3: a recurrence set has
# each instance once). rrule 2.8.1 gives it twice, and a COUNT counts it twice, so that a course of six ends after fewer. rrule-temporal
# 2.2.8 and python-dateutil 2.9.0, which rrule was ported from, give it once.
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

const rule = 'FREQ=MONTHLY;BYMONTH=5,6;BYMONTHDAY=-1,31;BYSETPOS=1,-1;COUNT=6'
const by = rrule.rrulestr(`DTSTART:20260501T090000Z\nRRULE:${rule}`).all()
const other = new RRuleTemporal({ rruleString: `DTSTART:20260501T090000Z\nRRULE:${rule}` }).all()
console.log(`rrule          ${by.map((date) => date.toISOString().slice(0, 10)).join(' ')}`)
console.log(`rrule-temporal ${other.map((time) => time.toPlainDate().toString()).join(' ')}`)
JS
cat > call.py <<'PY'
from datetime import datetime
from dateutil.rrule import rrulestr

rule = "FREQ=MONTHLY;BYMONTH=5,6;BYMONTHDAY=-1,31;BYSETPOS=1,-1;COUNT=6"
print("dateutil       " + " ".join(f"{day:%Y-%m-%d}" for day in rrulestr(rule, dtstart=datetime(2026, 5, 1, 9))))
PY
seen=$(node call.mjs && PYTHONPATH=python python3 call.py)
echo "rrule 2.8.1, rrule-temporal 2.2.8, python-dateutil 2.9.0, six times the last day of May and of June:"
echo "$seen"
expected='rrule          2026-05-31 2026-05-31 2026-06-30 2026-06-30 2027-05-31 2027-05-31
rrule-temporal 2026-05-31 2026-06-30 2027-05-31 2027-06-30 2028-05-31 2028-06-30
dateutil       2026-05-31 2026-06-30 2027-05-31 2027-06-30 2028-05-31 2028-06-30'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
