#!/usr/bin/env bash
# LiveKit's own sender of webhooks, github.com/livekit/protocol/webhook v1.54.0, against a server on this machine:
# - any 4xx but 429, and 501, counts as sent: no error, no second try;
# - a 301 is followed with a GET that has no body, and what that answers counts for the webhook. (A 308 keeps POST and body.)
# Whoever puts an https redirect before a receiver loses every event, and LiveKit's metrics call all of them a success.
set -euo pipefail
command -v go >/dev/null || { echo "needs Go 1.26"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	"github.com/livekit/protocol/webhook"
)

func main() {
	webhook.InitWebhookStats(nil)
	logger.InitFromConfig(&logger.Config{Level: "fatal"}, "sender")
	for _, answer := range []int{200, 400, 401, 404, 413, 422, 501, 301, 308} {
		seen := []string{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			seen = append(seen, fmt.Sprintf("%s %s with a body: %t", r.Method, r.URL.Path, len(body) > 0))
			if r.URL.Path == "/moved" {
				return
			}
			if answer == 301 || answer == 308 {
				w.Header().Set("Location", "/moved")
			}
			w.WriteHeader(answer)
		}))
		done := make(chan string, 1)
		notifier := webhook.NewResourceURLNotifier(webhook.ResourceURLNotifierParams{
			URL: server.URL + "/webhook", APIKey: "key", APISecret: "a secret of this program, long enough",
			Config: webhook.DefaultResourceURLNotifierConfig,
		})
		notifier.RegisterProcessedHook(func(_ context.Context, info *livekit.WebhookInfo) {
			done <- fmt.Sprintf("dropped %t, error %q", info.IsDropped, info.SendError)
		})
		event := &livekit.WebhookEvent{Event: webhook.EventRoomStarted, Id: "EV_1", Room: &livekit.Room{Sid: "RM_1", Name: "daily"}}
		if err := notifier.QueueNotify(context.Background(), event); err != nil {
			panic(err)
		}
		fmt.Printf("%d: %s; the server saw %v\n", answer, <-done, seen)
		notifier.Stop(true)
		server.Close()
	}
}
GO
go mod init sender 2>/dev/null
go get github.com/livekit/protocol@v1.54.0 2>/dev/null
go mod tidy 2>/dev/null
seen=$(go run .)
echo "github.com/livekit/protocol/webhook v1.54.0:"
echo "$seen"
expected='200: dropped false, error ""; the server saw [POST /webhook with a body: true]
400: dropped false, error ""; the server saw [POST /webhook with a body: true]
401: dropped false, error ""; the server saw [POST /webhook with a body: true]
404: dropped false, error ""; the server saw [POST /webhook with a body: true]
413: dropped false, error ""; the server saw [POST /webhook with a body: true]
422: dropped false, error ""; the server saw [POST /webhook with a body: true]
501: dropped false, error ""; the server saw [POST /webhook with a body: true]
301: dropped false, error ""; the server saw [POST /webhook with a body: true GET /moved with a body: false]
308: dropped false, error ""; the server saw [POST /webhook with a body: true POST /moved with a body: true]'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
