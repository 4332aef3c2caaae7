// The tour of the README by a client that oapi-codegen made from /openapi.json, beside this file.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"
)

var ctx = context.Background()

func main() {
	token := os.Getenv("ROLLCALL_TOKEN")
	client, err := NewClientWithResponses(os.Getenv("ROLLCALL_URL"),
		WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", token)
			return nil
		}))
	check(err)

	body := CreateRoomJSONRequestBody{CustomRoomId: some("standup")}
	made, err := client.CreateRoomWithResponse(ctx, body)
	check(err)
	again, err := client.CreateRoomWithResponse(ctx, body)
	check(err)
	expect("the same room", made.JSON200 != nil && again.JSON200.RoomId == made.JSON200.RoomId)
	done("CreateRoom")

	for _, outcome := range []EventResultOutcome{"recorded", "duplicate"} {
		answer, err := client.ReportEventsWithResponse(ctx, ReportEventsJSONRequestBody{Events: events()})
		check(err)
		expect("an answer", answer.JSON200 != nil && len(answer.JSON200.Results) == 3)
		for _, result := range answer.JSON200.Results {
			expect(string(outcome), result.Outcome == outcome)
		}
	}
	done("ReportEvents")

	list := func(params ListSessionsParams) []Session {
		page, err := client.ListSessionsWithResponse(ctx, &params)
		check(err)
		expect("a page", page.JSON200 != nil)
		return page.JSON200.Data
	}
	session := list(ListSessionsParams{CustomRoomId: some("standup")})[0]
	expect("Anna for a minute", session.Participants[0].Name == "Anna" && session.ActiveDuration == 60)
	expect("its end", session.End.Equal(time.Date(2026, 1, 5, 9, 1, 30, 0, time.UTC)))
	january := ListSessionsParams{StartDate: some("2026-01-01"), EndDate: some("2026-01-31T23:59:59Z"), PerPage: some(50), Page: some(int64(1))}
	expect("January's", len(list(january)) == 1)
	expect("Anna's", len(list(ListSessionsParams{ParticipantId: some("anna")})) == 1)
	expect("none that runs", len(list(ListSessionsParams{Status: some(ListSessionsParamsStatus("ongoing"))})) == 0)
	done("ListSessions")

	got, err := client.GetSessionWithResponse(ctx, session.Id)
	check(err)
	expect("the session", got.JSON200 != nil && got.JSON200.Id == session.Id)
	done("GetSession")
	ended, err := client.EndSessionWithResponse(ctx, EndSessionJSONRequestBody{RoomId: &made.JSON200.RoomId, IgnoreClosed: some(true)})
	check(err)
	enforced, err := ended.JSON200.Enforced.AsEndedSessionEnforced0()
	check(err)
	expect("the last session", ended.JSON200.Id == session.Id && enforced)
	done("EndSession")
	missing, err := client.GetSessionWithResponse(ctx, "none")
	check(err)
	expect("an error", missing.JSON404 != nil && missing.JSON404.Code == "SESSION_NOT_FOUND")
	done("an error")
}

func events() []ReportedEvent {
	var joinedAt ParticipantJoinedEvent_At
	check(joinedAt.FromParticipantJoinedEventAt1("2026-01-05T09:00:00Z"))
	var leftAt ParticipantLeftEvent_At
	check(leftAt.FromParticipantLeftEventAt0(time.Date(2026, 1, 5, 9, 1, 0, 0, time.UTC).UnixMilli()))
	var endedAt SessionEndedEvent_At
	check(endedAt.FromSessionEndedEventAt1("2026-01-05T09:01:30Z"))

	all := make([]ReportedEvent, 3)
	monday := some("monday")
	check(all[0].FromParticipantJoinedEvent(ParticipantJoinedEvent{
		Id: "1", At: joinedAt, RoomId: "standup", SessionKey: monday, ParticipantId: "anna", Name: some("Anna"),
	}))
	check(all[1].FromParticipantLeftEvent(ParticipantLeftEvent{
		Id: "2", At: leftAt, RoomId: "standup", SessionKey: monday, ParticipantId: "anna",
	}))
	check(all[2].FromSessionEndedEvent(SessionEndedEvent{Id: "3", At: endedAt, RoomId: "standup", SessionKey: monday}))
	return all
}

func some[T any](value T) *T { return &value }

func done(call string) { fmt.Println("ok", call) }

func expect(what string, holds bool) {
	if !holds {
		check(fmt.Errorf("not as it has to be: %s", what))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
