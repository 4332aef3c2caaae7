#!/usr/bin/env bash
# Twilio's Python helper sends the wall clock of an aware datetime with a Z behind it: who asks for the video rooms since nine in Berlin gets
# those since eleven. The argument is documented as a datetime, of recordings as one "with time zone", and Z is UTC (RFC 3339 section 2). A
# room's own date_created, brought to the zone of whoever reads it, asks for the wrong time. The Node helper converts, and the Java helper
# does since 2020 (twilio-java, pull request 529); for Python no report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "twilio": "6.3.1" } }' > package.json
npm install --silent --no-audit --no-fund
python3 -m pip install --quiet --root-user-action=ignore --target python twilio==9.13.0 tzdata==2026.6
cat > call.mjs <<'JS'
import twilio from 'twilio'

const httpClient = {
  async request({ uri, params }) {
    console.log(`Node   ${uri} ${params.DateCreatedAfter}`)
    return { statusCode: 200, headers: {}, body: { rooms: [], recordings: [], meta: { key: uri.split('/').at(-1).toLowerCase() } } }
  },
}
const { video } = twilio(`AC${'0'.repeat(32)}`, 'secret', { httpClient })
const dateCreatedAfter = new Date('2026-07-01T09:00:00+02:00')
await video.v1.rooms.list({ dateCreatedAfter })
await video.v1.recordings.list({ dateCreatedAfter })
JS
cat > call.py <<'PY'
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
from twilio.http.http_client import HttpClient
from twilio.http.response import Response
from twilio.rest import Client


class Told(HttpClient):
    def __init__(self):
        pass

    def request(self, method, url, params=None, **rest):
        print(f"Python {url} {params['DateCreatedAfter']}")
        return Response(200, '{"rooms": [], "recordings": [], "meta": {"key": "%s"}}' % url.split("/")[-1].lower())


video = Client("AC" + "0" * 32, "secret", http_client=Told()).video
nine = datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
video.v1.rooms.list(date_created_after=nine)
video.v1.recordings.list(date_created_after=nine)
video.v1.rooms.list(date_created_after=nine.astimezone(timezone.utc))
PY
seen=$(node call.mjs && PYTHONPATH=python python3 call.py)
echo "twilio 6.3.1 of npm and 9.13.0 of PyPI, asked for what was made since 2026-07-01T09:00 in Berlin, and Python at last for the same moment in UTC:"
echo "$seen"
expected='Node   https://video.twilio.com/v1/Rooms 2026-07-01T07:00:00Z
Node   https://video.twilio.com/v1/Recordings 2026-07-01T07:00:00Z
Python https://video.twilio.com/v1/Rooms 2026-07-01T09:00:00Z
Python https://video.twilio.com/v1/Recordings 2026-07-01T09:00:00Z
Python https://video.twilio.com/v1/Rooms 2026-07-01T07:00:00Z'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
