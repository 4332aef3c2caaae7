"""Prints the first 20 sessions of a room (or of all rooms), newest first."""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

try:
    import requests
except ImportError:
    requests = None  # the standard library does it too


def fetch(url, headers):
    """The status of the answer, and its text."""
    if requests is not None:
        response = requests.get(url, headers=headers, timeout=30)
        return response.status_code, response.text
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()


base = os.environ.get("ROLLCALL_URL") or "http://127.0.0.1:4000"
token = os.environ.get("ROLLCALL_TOKEN")
if not token:
    sys.exit("ROLLCALL_TOKEN is missing: sign one with  npm run -s rollcall -- token")

query = {
    "roomId": os.environ.get("ROLLCALL_ROOM_ID"),
    "customRoomId": os.environ.get("ROLLCALL_CUSTOM_ROOM_ID"),
    "page": 1,
    "perPage": 20,
}
query = {name: value for name, value in query.items() if value}
headers = {"Authorization": token, "Content-Type": "application/json"}

try:
    status, text = fetch(f"{base}/v2/sessions/?{urlencode(query)}", headers)
except OSError as failure:
    sys.exit(f"{base} was not reached: {failure}")
if status != 200:
    sys.exit(f"the server answered {status}: {text}")
print(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
