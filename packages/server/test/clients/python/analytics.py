"""LiveKit's Analytics API as public Python clients read it: what a session costs, and all sessions of some days."""

import json
import os
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode
from urllib.request import Request, urlopen

base = os.environ["ANALYTICS_URL"]
token = os.environ["ANALYTICS_TOKEN"]


def get(path, **query):
    url = base + path + ("?" + urlencode(query) if query else "")
    with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"})) as answer:
        return json.load(answer)


def cost_of(session_id):
    """Minutes are multiplied by a price as they are."""
    session = get(f"/{session_id}")
    seconds = (
        datetime.fromisoformat(session["endTime"].replace("Z", "+00:00"))
        - datetime.fromisoformat(session["startTime"].replace("Z", "+00:00"))
    ).total_seconds()
    assert seconds > 0 and session["roomId"] == session_id and session["numParticipants"] == 2
    return session["connectionMinutes"] * 0.0005


def list_all(start, end):
    """A page that is shorter than it may be is the last."""
    page = 0
    while True:
        sessions = get("", page=page, limit=100, start=start, end=end).get("sessions") or []
        yield from sessions
        if len(sessions) < 100:
            return
        page += 1


assert cost_of(os.environ["ANALYTICS_SESSION"]) == 0.001
print("ok cost")

today = datetime.now(timezone.utc).date()
listed = list(list_all(today - timedelta(days=6), today))
expected = int(os.environ["ANALYTICS_COUNT"])
assert len({session["sessionId"] for session in listed}) == len(listed) == expected, len(listed)
print("ok days")

bandwidth = sum(int(get(f"/{session['sessionId']}").get("bandwidth", "")) for session in listed[:20])
assert bandwidth == 0
print("ok bandwidth")
