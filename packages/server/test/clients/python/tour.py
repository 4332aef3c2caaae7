"""The tour of the README by a client that openapi-python-client made from /openapi.json."""

import os
from datetime import datetime, timezone

from rollcall import AuthenticatedClient
from rollcall.api.events import report_events
from rollcall.api.rooms import create_room
from rollcall.api.sessions import end_session, get_session, list_sessions
from rollcall.models import (
    CreateRoomBody,
    EndSessionBody,
    ErrorBody,
    ListSessionsStatus,
    ParticipantJoinedEvent,
    ParticipantLeftEvent,
    ReportEventsBody,
    SessionEndedEvent,
    SessionPage,
)

client = AuthenticatedClient(
    base_url=os.environ["ROLLCALL_URL"],
    token=os.environ["ROLLCALL_TOKEN"],
    prefix="",
    raise_on_unexpected_status=True,
)


def done(call: str) -> None:
    print("ok", call)


body = CreateRoomBody(custom_room_id="standup")
room = create_room.sync(client=client, body=body)
assert create_room.sync(client=client, body=body).room_id == room.room_id
done("create_room")

told = {"room_id": "standup", "session_key": "monday"}
left_at = int(datetime(2026, 1, 5, 9, 1, tzinfo=timezone.utc).timestamp() * 1000)
events = [
    ParticipantJoinedEvent(
        type_="participant-joined", id="1", at="2026-01-05T09:00:00Z", participant_id="anna", name="Anna", **told
    ),
    ParticipantLeftEvent(type_="participant-left", id="2", at=left_at, participant_id="anna", **told),
    SessionEndedEvent(type_="session-ended", id="3", at="2026-01-05T09:01:30Z", **told),
]
for outcome in ["recorded", "duplicate"]:
    answer = report_events.sync(client=client, body=ReportEventsBody(events=events))
    assert [result.outcome for result in answer.results] == [outcome] * 3, answer
done("report_events")


def found(**filters: object) -> list:
    page = list_sessions.sync(client=client, **filters)
    assert isinstance(page, SessionPage), page
    return page.data


[session] = found(custom_room_id="standup")
assert (session.participants[0].name, session.active_duration) == ("Anna", 60)
assert session.end == datetime(2026, 1, 5, 9, 1, 30, tzinfo=timezone.utc)
assert len(found(start_date="2026-01-01", end_date="2026-01-31T23:59:59Z", per_page=50, page=1)) == 1
assert len(found(participant_id="anna")) == 1
assert found(status=ListSessionsStatus.ONGOING) == []
done("list_sessions")

assert get_session.sync(id=session.id, client=client) == session
done("get_session")
ended = end_session.sync(client=client, body=EndSessionBody(room_id=room.room_id, ignore_closed=True))
assert (ended.id, ended.enforced) == (session.id, True)
done("end_session")
error = get_session.sync(id="none", client=client)
assert isinstance(error, ErrorBody) and error.code == "SESSION_NOT_FOUND", error
done("an error")
