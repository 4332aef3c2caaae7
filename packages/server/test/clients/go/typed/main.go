// A client as Go programs have it: net/http, encoding/json and types with integers. It makes every documented call against
// the server that the environment names, prints a line for each, and ends with 0 where all of them decoded.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"
)

var base, token = os.Getenv("ROLLCALL_URL"), os.Getenv("ROLLCALL_TOKEN")

func main() {
	kept := call[Room]("POST", "/v2/rooms", map[string]any{
		"customRoomId":    "typed",
		"webhook":         map[string]any{"endPoint": "https://example.org/hook", "events": []string{"session-*"}},
		"autoCloseConfig": map[string]any{"type": "session-ends", "duration": 60},
	})
	expect("the room's settings", kept.AutoClose != nil && kept.AutoClose.Duration == 60 && kept.Webhook.EndPoint != "")
	expect("a room", kept.CustomRoomID == "typed" && kept.UserID != "" && kept.Links != nil)
	// Go posts without a body, with the header that says JSON.
	plain := call[Room]("POST", "/v2/rooms", nil)
	expect("a room without a name", plain.CustomRoomID == "" && plain.RoomID != "")
	for _, path := range []string{kept.RoomID, kept.ID, "typed", "validate/typed"} {
		expect("the same room", call[Room]("GET", "/v2/rooms/"+path, nil).ID == kept.ID)
	}
	expect("the same room", call[Room]("POST", "/v2/rooms/validate/"+kept.RoomID, nil).ID == kept.ID)
	rooms := call[Page[[]Room]]("GET", "/v2/rooms?page=1&perPage=1", nil)
	expect("a page of rooms", rooms.PageInfo.Total == 2 && len(rooms.Data) == 1 && rooms.Data[0].User != nil)

	report(kept.RoomID, "participant-joined anna 600000", "participant-joined ben 400000", "quality anna 300000",
		"participant-left anna 507", "participant-left ben 900", "session-ended - 500")
	for _, query := range []string{"/v2/sessions/?roomId=" + kept.RoomID, "/v2/sessions?customRoomId=typed&status=ended"} {
		page := call[Page[[]Session[Participant]]]("GET", query, nil)
		expect("one session", page.PageInfo.Total == 1 && len(page.Data) == 1)
		expect("599.493 seconds as 599", page.Data[0].ActiveDuration == 599 && page.Data[0].MaxJoinedPeersCount == 2)
	}
	id := call[Page[[]Session[Participant]]]("GET", "/v2/sessions", nil).Data[0].ID
	session := call[Session[Participant]]("GET", "/v2/sessions/"+id, nil)
	expect("an ended session", session.Status == "ended" && session.End != nil && session.ActiveDuration == 599)
	people := call[Page[People]]("GET", "/v2/sessions/"+id+"/participants?perPage=1", nil)
	expect("a page of people", people.PageInfo.LastPage == 2 && people.Data.Participants[0].ParticipantID == "anna")
	expect("a person", call[Participant]("GET", "/v2/sessions/"+id+"/participants/ben", nil).Timelog[0].End != nil)
	nobody := call[Page[[]Session[Active]]]("GET", "/v2/sessions/"+id+"/participants/active", nil)
	expect("nobody inside", nobody.PageInfo.Total == 0 && len(nobody.Data[0].Participants) == 0)
	expect("quality", call[Quality]("GET", "/v2/sessions/"+id+"/stats", nil).Stats[0].RecvAudioPacketLost == 3)
	anna := call[Quality]("GET", "/v2/sessions/"+id+"/participant/anna/stats", nil)
	expect("a person's quality", anna.ParticipantName == "anna the Great" && anna.Resolutions[0].P720 == 1)

	report(plain.RoomID, "participant-joined cleo 3507", "participant-joined dan 1507")
	running := call[Page[[]Session[Participant]]]("GET", "/v2/sessions?status=ongoing", nil).Data[0]
	expect("a running session", running.End == nil && running.Participants[0].Timelog[0].End == nil)
	inside := call[Page[[]Session[Active]]]("GET", "/v2/sessions/"+running.ID+"/participants/active", nil)
	cleo := inside.Data[0].Participants[0]
	expect("who is inside", inside.PageInfo.Total == 2 && cleo.ParticipantID == "cleo" && cleo.Mode == "SEND_AND_RECV")
	expect("no events", cleo.Events.Mic != nil && len(cleo.Events.Mic) == 0 && cleo.Events.ScreenShareAudio != nil)
	expect("the ids of both names", inside.Data[0].UnderscoreID == running.ID)
	removed := call[Session[Participant]]("POST", "/v2/sessions/participants/remove",
		map[string]any{"participantId": "dan", "sessionId": running.ID})
	expect("a removal", removed.Message == "Participant dan was removed")
	ended := call[Session[Participant]]("POST", "/v2/sessions/end", map[string]any{"roomId": plain.RoomID})
	expect("an end", ended.ID == running.ID && ended.Status == "ended" && ended.End != nil)
	meeting := call[Meeting]("POST", "/v2/rooms/deactivate", map[string]any{"roomId": kept.RoomID})
	expect("a deactivated room", meeting.Disabled && meeting.MeetingID == kept.RoomID && meeting.UserMeetingID == "typed")
	expect("an enabled room", !call[Room]("POST", "/v2/rooms/typed", map[string]any{"status": "enabled"}).Disabled)

	failure := decode[Failure](send("GET", "/v2/sessions/621497578bea0d0404c35c4c", nil, 404))
	expect("an error", failure.StatusCode == 404 && failure.Code == "SESSION_NOT_FOUND")
}

// Reports facts, each "type who milliseconds-ago".
func report(roomID string, facts ...string) {
	now := time.Now().UnixMilli()
	var events []map[string]any
	for _, fact := range facts {
		var kind, who string
		var ago int64
		fmt.Sscan(fact, &kind, &who, &ago)
		event := map[string]any{"id": roomID + fact, "type": kind, "at": now - ago, "roomId": roomID, "sessionKey": roomID}
		if who != "-" {
			event["participantId"] = who
		}
		if kind == "quality" {
			event["stats"] = map[string]any{"recvAudioPacketLost": 3, "qualityScore": map[string]any{"audio": 4.4, "video": 3.3}}
			event["resolutionUsage"] = map[string]any{"720": 1}
		} else if who != "-" {
			event["name"] = who + " the Great"
		}
		events = append(events, event)
	}
	send("POST", "/v2/events", map[string]any{"events": events}, 200)
}

func call[T any](method, path string, body any) T {
	answer := decode[T](send(method, path, body, 200))
	fmt.Println("ok", method, path)
	return answer
}

func send(method, path string, body any, status int) []byte {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		check(err, path)
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, base+path, sent)
	check(err, path)
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	check(err, path)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(err, path)
	if answer.StatusCode != status {
		fail("%s %s answered %d, not %d: %s", method, path, answer.StatusCode, status, text)
	}
	return text
}

func decode[T any](text []byte) T {
	var answer T
	check(json.NewDecoder(bytes.NewReader(text)).Decode(&answer), string(text))
	var raw any
	check(json.Unmarshal(text, &raw), string(text))
	require(reflect.TypeOf(answer), raw, "the answer")
	return answer
}

// Fails where a field that the type has is not there: Go would take it for zero.
func require(shape reflect.Type, raw any, where string) {
	switch shape.Kind() {
	case reflect.Pointer:
		if raw != nil {
			require(shape.Elem(), raw, where)
		}
	case reflect.Slice:
		list, is := raw.([]any)
		if !is {
			fail("%s is no list: %v", where, raw)
		}
		for _, item := range list {
			require(shape.Elem(), item, where+"[]")
		}
	case reflect.Struct:
		if shape == reflect.TypeOf(time.Time{}) {
			return
		}
		fields, is := raw.(map[string]any)
		if !is {
			fail("%s is no object: %v", where, raw)
		}
		for i := 0; i < shape.NumField(); i++ {
			field := shape.Field(i)
			if field.Anonymous {
				require(field.Type, raw, where)
				continue
			}
			name, rest, _ := strings.Cut(field.Tag.Get("json"), ",")
			value, there := fields[name]
			if there {
				require(field.Type, value, where+"."+name)
			} else if rest != "omitempty" {
				fail("%s has no %s", where, name)
			}
		}
	}
}

func expect(what string, holds bool) {
	if !holds {
		fail("not as it has to be: %s", what)
	}
}

func check(err error, about string) {
	if err != nil {
		fail("%v: %s", err, about)
	}
}

func fail(text string, values ...any) {
	fmt.Fprintf(os.Stderr, text+"\n", values...)
	os.Exit(1)
}
