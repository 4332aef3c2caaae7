#!/usr/bin/env bash
# Zoom changes of a meeting what a PATCH names. pyzoom 1.0.8 names more than its caller: to move a meeting by an hour gives it a new passcode, drawn
# at random each time, with which old links do not come in, and settings of pyzoom's own, without a waiting room. And it asks for
# the second page of a list by the token alone, without what the list was asked for: of the users that are inactive, for a page of users, which
# Zoom documents to be of those that are active where no status is given. No report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --root-user-action=ignore --target python pyzoom==1.0.8 pydantic==2.11.7 requests==2.32.5 attrs==25.3.0 shortuuid==1.0.13
cat > call.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pyzoom import ZoomClient


class Zoom(BaseHTTPRequestHandler):
    def do_GET(self):
        print(f"  GET {self.path}")
        token = "" if "next_page_token" in self.path else "two"
        self.answer({"page_size": 1, "total_records": 2, "next_page_token": token, "users": [{"id": "p1"}]})

    def do_PATCH(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        settings = sent["settings"]
        passcodes.append(sent["password"])
        print(f"  PATCH {self.path} with {', '.join(sorted(sent))}: {len(settings)} settings, waiting_room: {settings['waiting_room']}")
        self.answer({})

    def answer(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


passcodes = []
server = HTTPServer(("127.0.0.1", 0), Zoom)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = ZoomClient("token", base_url=f"http://127.0.0.1:{server.server_port}/v2")

print("a meeting is moved by an hour, twice:")
for start in ["2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"]:
    client.meetings.update_meeting("Course", start_time=start, duration_min=60, meeting_id=85)
print(f"  passcodes: {len(set(passcodes))}, of {len(passcodes[0])} characters")
print("users that are inactive:")
client.raw.get_all_pages("/users", {"status": "inactive"})
PY
seen=$(PYTHONPATH=python python3 call.py)
echo "pyzoom 1.0.8, what it sends:"
echo "$seen"
expected='a meeting is moved by an hour, twice:
  PATCH /v2/meetings/85 with duration, password, settings, start_time, timezone, topic, type: 24 settings, waiting_room: False
  PATCH /v2/meetings/85 with duration, password, settings, start_time, timezone, topic, type: 24 settings, waiting_room: False
  passcodes: 2, of 6 characters
users that are inactive:
  GET /v2/users?status=inactive
  GET /v2/users?next_page_token=two'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
