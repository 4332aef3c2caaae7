package main

import "time"

// The answers of VideoSDK's v2 API as a typed client decodes them: whole numbers into int, times into time.Time, what is
// open into a pointer. A field is required in every answer unless it says omitempty.

type PageInfo struct {
	CurrentPage int `json:"currentPage"`
	PerPage     int `json:"perPage"`
	LastPage    int `json:"lastPage"`
	Total       int `json:"total"`
}

type Page[T any] struct {
	PageInfo PageInfo `json:"pageInfo"`
	Data     T        `json:"data"`
}

type Links struct {
	GetRoom    string `json:"get_room"`
	GetSession string `json:"get_session"`
}

type Hook struct {
	EndPoint string   `json:"endPoint"`
	Events   []string `json:"events"`
}

type AutoClose struct {
	Type     string `json:"type"`
	Duration int    `json:"duration"`
}

type Owner struct {
	ID    string  `json:"id"`
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

type Room struct {
	RoomID       string     `json:"roomId"`
	CustomRoomID string     `json:"customRoomId"`
	UserID       string     `json:"userId,omitempty"`
	User         *Owner     `json:"user,omitempty"`
	Disabled     bool       `json:"disabled"`
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedAt    time.Time  `json:"updatedAt"`
	ID           string     `json:"id"`
	Webhook      *Hook      `json:"webhook,omitempty"`
	AutoClose    *AutoClose `json:"autoCloseConfig,omitempty"`
	Links        *Links     `json:"links,omitempty"`
}

type Meeting struct {
	MeetingID     string    `json:"meetingId"`
	UserMeetingID string    `json:"userMeetingId"`
	Disabled      bool      `json:"disabled"`
	UserID        string    `json:"userId"`
	User          Owner     `json:"user"`
	CreatedAt     time.Time `json:"createdAt"`
	UpdatedAt     time.Time `json:"updatedAt"`
	ID            string    `json:"id"`
}

type Interval struct {
	Start time.Time  `json:"start"`
	End   *time.Time `json:"end"`
}

type Participant struct {
	ParticipantID string     `json:"participantId"`
	Name          string     `json:"name"`
	Timelog       []Interval `json:"timelog"`
	ID            string     `json:"_id"`
}

type Named struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type Device struct {
	SdkType    string `json:"sdkType"`
	SdkVersion string `json:"sdkVersion"`
	Platform   string `json:"platform"`
	Agent      struct {
		Browser  Named `json:"browser"`
		Os       Named `json:"os"`
		Platform struct {
			Type string `json:"type"`
		} `json:"platform"`
	} `json:"browserUserAgent"`
}

type Active struct {
	Participant
	Events struct {
		Mic              []Interval `json:"mic"`
		Webcam           []Interval `json:"webcam"`
		ScreenShare      []Interval `json:"screenShare"`
		ScreenShareAudio []Interval `json:"screenShareAudio"`
	} `json:"events"`
	InitTime float64 `json:"initTime"`
	Device   Device  `json:"deviceInfo"`
	Modes    []struct {
		Mode string    `json:"mode"`
		At   time.Time `json:"timelog"`
	} `json:"changeModeHistory"`
	Mode  string `json:"mode"`
	Place struct {
		City    string `json:"city"`
		Region  string `json:"region"`
		Country string `json:"country"`
	} `json:"geoLocation"`
}

type Session[P any] struct {
	ID           string     `json:"id"`
	RoomID       string     `json:"roomId"`
	CustomRoomID string     `json:"customRoomId"`
	APIKey       string     `json:"apiKey"`
	UserID       string     `json:"userId"`
	Start        time.Time  `json:"start"`
	End          *time.Time `json:"end"`
	Participants []P        `json:"participants"`
	Status       string     `json:"status"`
	Links        struct {
		Links
		GetAllParticipants string `json:"get_all_participants,omitempty"`
	} `json:"links"`
	ActiveDuration      int `json:"activeDuration"`
	MaxJoinedPeersCount int `json:"maxJoinedPeersCount"`
	Webhook             struct {
		TotalCount   int `json:"totalCount"`
		SuccessCount int `json:"successCount"`
		Data         []struct {
			Type    string `json:"type"`
			Success bool   `json:"success"`
		} `json:"data"`
	} `json:"webhook"`
	Region        string `json:"region"`
	ChatLink      string `json:"chatLink"`
	RecordingLog  []any  `json:"recordingLog"`
	LivestreamLog []any  `json:"livestreamLog"`
	HlsLog        []any  `json:"hlsLog"`
	UnderscoreID  string `json:"_id,omitempty"`
	Message       string `json:"message,omitempty"`
}

type People struct {
	ID           string        `json:"id"`
	RoomID       string        `json:"roomId"`
	CustomRoomID string        `json:"customRoomId"`
	Participants []Participant `json:"participants"`
	Links        Links         `json:"links"`
}

type Sample struct {
	Time                    time.Time `json:"time"`
	RecvAudioPacketLost     int       `json:"recvAudioPacketLost"`
	RecvVideoPacketLost     int       `json:"recvVideoPacketLost"`
	SendAudioPacketLost     int       `json:"sendAudioPacketLost"`
	SendVideoPacketLost     int       `json:"sendVideoPacketLost"`
	AverageAudioRtt         float64   `json:"averageAudioRtt"`
	AverageVideoRtt         float64   `json:"averageVideoRtt"`
	AverageAudioJitter      float64   `json:"averageAudioJitter"`
	AverageVideoJitter      float64   `json:"averageVideoJitter"`
	AverageSendAudioBitrate float64   `json:"averageSendAudioBitrate"`
	AverageSendVideoBitrate float64   `json:"averageSendVideoBitrate"`
	AverageRecvAudioBitrate float64   `json:"averageRecvAudioBitrate"`
	AverageRecvVideoBitrate float64   `json:"averageRecvVideoBitrate"`
	Score                   struct {
		Audio float64 `json:"audio"`
		Video float64 `json:"video"`
	} `json:"qualityScore"`
}

type Quality struct {
	SessionID       string   `json:"sessionId"`
	MeetingID       string   `json:"meetingId"`
	ParticipantID   string   `json:"participantId,omitempty"`
	ParticipantName string   `json:"participantName,omitempty"`
	Stats           []Sample `json:"stats"`
	Resolutions     []struct {
		P180  int       `json:"180"`
		P360  int       `json:"360"`
		P720  int       `json:"720"`
		P1080 int       `json:"1080"`
		P1440 int       `json:"1440"`
		P2160 int       `json:"2160"`
		Time  time.Time `json:"time"`
	} `json:"resolutionUsage,omitempty"`
}

type Failure struct {
	StatusCode int    `json:"statusCode"`
	Error      string `json:"error"`
	Code       string `json:"code"`
}
