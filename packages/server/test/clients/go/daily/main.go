// Daily's meetings as public Go clients decode them: ints, and strings that may be null.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

type participant struct {
	UserID        string `json:"user_id"`
	ParticipantID string `json:"participant_id"`
	UserName      string `json:"user_name"`
	JoinTime      int    `json:"join_time"`
	Duration      int    `json:"duration"`
}

type meeting struct {
	ID              string        `json:"id"`
	RoomName        string        `json:"room"`
	Duration        int           `json:"duration"`
	StartTime       int           `json:"start_time"`
	Ongoing         bool          `json:"ongoing"`
	MaxParticipants int           `json:"max_participants"`
	Participants    []participant `json:"participants"`
}

type meetingList struct {
	TotalCount int       `json:"total_count"`
	Data       []meeting `json:"data"`
}

func main() {
	request, err := http.NewRequest(http.MethodGet, os.Getenv("DAILY_URL")+"/meetings?limit=100", nil)
	check(err)
	request.Header.Set("Authorization", "Bearer "+os.Getenv("DAILY_KEY"))
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	var list meetingList
	decoder := json.NewDecoder(answer.Body)
	decoder.DisallowUnknownFields()
	check(decoder.Decode(&list))
	for i, one := range list.Data {
		if one.ID == "" || one.RoomName == "" || one.MaxParticipants < 1 || len(one.Participants) < 1 {
			fail("%+v", one)
		}
		if i > 0 && one.StartTime > list.Data[i-1].StartTime {
			fail("%s is older than the one after it", one.ID)
		}
	}
	if len(list.Data) != 100 || fmt.Sprint(list.TotalCount) != os.Getenv("DAILY_COUNT") {
		fail("%d of %d", len(list.Data), list.TotalCount)
	}
	fmt.Println("ok list")
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, of ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", of...)
	os.Exit(1)
}
