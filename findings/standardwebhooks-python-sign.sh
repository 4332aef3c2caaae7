#!/usr/bin/env bash
# The Python library of Standard Webhooks signs a moment by the wall clock of its datetime, as if that were UTC. So what is signed at noon in
# Berlin is signed for two hours later, and no library takes it with the webhook-timestamp of that moment, its own neither. The specification
# signs id.timestamp.payload, its timestamp in seconds since the epoch, as it is sent. The JavaScript library signs the moment. Known: number 251
# of standard-webhooks, open since 2025 with a change proposed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "standardwebhooks": "1.1.1" } }' > package.json
npm install --silent --no-audit --no-fund
python3 -m pip install --quiet --root-user-action=ignore --target python standardwebhooks==1.1.0 tzdata==2026.6
cat > sign.py <<'PY'
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
from standardwebhooks import Webhook

now = datetime.now(timezone.utc)
for zone in ["UTC", "Europe/Berlin", "America/New_York"]:
    signature = Webhook("whsec_MDEyMzQ1Njc4OWFiY2RlZg==").sign("msg_1", now.astimezone(ZoneInfo(zone)), '{"type":"session-ended"}')
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    try:
        Webhook("whsec_MDEyMzQ1Njc4OWFiY2RlZg==").verify('{"type":"session-ended"}', headers)
        said = "taken"
    except Exception as error:
        said = str(error)
    print(zone, headers["webhook-timestamp"], signature, said, sep="|")
PY
cat > verify.mjs <<'JS'
import { createInterface } from 'node:readline'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook('whsec_MDEyMzQ1Njc4OWFiY2RlZg==')
for await (const line of createInterface({ input: process.stdin })) {
  const [zone, timestamp, signature, python] = line.split('|')
  let javascript = 'taken'
  try {
    webhook.verify('{"type":"session-ended"}', { 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': signature })
  } catch (error) {
    javascript = error.message
  }
  const moment = new Date(Number(timestamp) * 1000)
  const same = webhook.sign('msg_1', moment, '{"type":"session-ended"}') === signature
  console.log(`${zone}: the signature of JavaScript ${same}; Python says ${python}, JavaScript ${javascript}`)
}
JS
seen=$(PYTHONPATH=python python3 sign.py | node verify.mjs)
echo "standardwebhooks 1.1.0 of PyPI signs one moment, told in three zones; 1.1.1 of npm:"
echo "$seen"
expected='UTC: the signature of JavaScript true; Python says taken, JavaScript taken
Europe/Berlin: the signature of JavaScript false; Python says No matching signature found, JavaScript No matching signature found
America/New_York: the signature of JavaScript false; Python says No matching signature found, JavaScript No matching signature found'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
