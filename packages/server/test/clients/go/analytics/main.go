// LiveKit's Analytics API as public Go clients decode it: bytes are strings alone, counts are ints, times are time.Time, and
// any status but 200 is an error.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

type session struct {
	SessionID             string    `json:"sessionId"`
	RoomName              string    `json:"roomName"`
	CreatedAt             time.Time `json:"createdAt"`
	EndedAt               time.Time `json:"endedAt"`
	LastActive            time.Time `json:"lastActive"`
	BandwidthIn           string    `json:"bandwidthIn"`
	BandwidthOut          string    `json:"bandwidthOut"`
	Egress                int       `json:"egress"`
	NumParticipants       int       `json:"numParticipants"`
	NumActiveParticipants int       `json:"numActiveParticipants"`
}

type connection struct {
	ParticipantID string    `json:"participantId"`
	JoinedAt      time.Time `json:"joinedAt"`
	LeftAt        time.Time `json:"leftAt"`
}

type participant struct {
	ParticipantIdentity string    `json:"participantIdentity"`
	ParticipantName     string    `json:"participantName"`
	RoomID              string    `json:"roomId"`
	JoinedAt            time.Time `json:"joinedAt"`
	LeftAt              time.Time `json:"leftAt"`
	PublishedSources    struct {
		CameraTrack      bool `json:"cameraTrack"`
		MicrophoneTrack  bool `json:"microphoneTrack"`
		ScreenShareTrack bool `json:"screenShareTrack"`
		ScreenShareAudio bool `json:"screenShareAudio"`
	} `json:"publishedSources"`
	Sessions []connection `json:"sessions"`
}

type detail struct {
	RoomID            string          `json:"roomId"`
	RoomName          string          `json:"roomName"`
	StartTime         time.Time       `json:"startTime"`
	EndTime           time.Time       `json:"endTime"`
	NumParticipants   int             `json:"numParticipants"`
	ConnectionMinutes json.RawMessage `json:"connectionMinutes"`
	Bandwidth         json.RawMessage `json:"bandwidth"`
	Participants      []participant   `json:"participants"`
}

func get(path string, into any) {
	request, err := http.NewRequest(http.MethodGet, os.Getenv("ANALYTICS_URL")+path, nil)
	check(err)
	request.Header.Set("Authorization", "Bearer "+os.Getenv("ANALYTICS_TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(request)
	check(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		fail("%s is answered %d", path, answer.StatusCode)
	}
	check(json.NewDecoder(answer.Body).Decode(into))
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

func main() {
	// Without any query.
	var all struct {
		Sessions []session `json:"sessions"`
	}
	get("", &all)
	if len(all.Sessions) != 100 {
		fail("a list without a limit has %d sessions", len(all.Sessions))
	}
	fmt.Println("ok list")

	// Ten a page, as a command line shows them.
	get("?limit=10&page=0", &all)
	running := all.Sessions[0]
	if len(all.Sessions) != 10 || !running.EndedAt.IsZero() || running.NumActiveParticipants != 1 {
		fail("the first page has %d sessions, and of them %+v", len(all.Sessions), running)
	}
	fmt.Println("ok page")

	var one detail
	get("/"+os.Getenv("ANALYTICS_SESSION"), &one)
	for _, who := range one.Participants {
		if who.ParticipantIdentity == "ann" {
			published := who.PublishedSources
			if !published.CameraTrack || published.ScreenShareAudio || len(who.Sessions) != 2 || who.Sessions[0].LeftAt.IsZero() {
				fail("ann is %+v", who)
			}
			fmt.Println("ok detail")
		}
	}
}
