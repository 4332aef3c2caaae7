"""Daily's meetings as public Python clients read them: what a month used, and what a wrong key is told."""

import json
import os
import time
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

base = os.environ["DAILY_URL"]


def get(path, key=os.environ["DAILY_KEY"], **params):
    url = base + path + ("?" + urlencode(params) if params else "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with urlopen(Request(url, headers=headers)) as answer:
        return json.load(answer)


def participant_minutes(since):
    """Of all meetings since then: a page goes on after the id of the last, until there are as many as are counted."""
    seconds, seen, params = 0, 0, {"timeframe_start": since, "limit": 100}
    while True:
        page = get("/meetings", **params)
        for meeting in page["data"]:
            assert isinstance(meeting["start_time"], int) and isinstance(meeting["duration"], int)
            seconds += sum(person["duration"] for person in meeting["participants"])
        seen += len(page["data"])
        if seen >= page["total_count"]:
            return seconds / 60, seen
        params["starting_after"] = page["data"][-1]["id"]


minutes, seen = participant_minutes(int(time.time()) - 30 * 86400)
assert seen == int(os.environ["DAILY_COUNT"]) and minutes > 0, (minutes, seen)
print("ok minutes")

for key, status, name in [(None, 400, "authorization-header-error"), ("wrong", 401, "authentication-error")]:
    try:
        get("/meetings", key=key)
        raise SystemExit("it was answered")
    except HTTPError as refused:
        body = json.load(refused)
        assert refused.code == status and body["error"] == name and body["info"], body
print("ok refusals")
