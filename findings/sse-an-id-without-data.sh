#!/usr/bin/env bash
# A block of Server-Sent Events that has an `id` and no `data` moves the place from which a client goes on, and is no message (HTML, "dispatch the
# event": the last event ID is set first, and where the data is empty, nothing is dispatched). So a server says how far it has looked while nothing
# came that this client wants. Of twelve clients three do both. Two do not move, and come back after the last message. Seven give a message with
# empty data, of which a JSON parser makes an error. Known of httpx-sse (its number 35) and, where a comment comes after an id, of r3labs/sse
# (163), both open; of the others no report was found.
set -euo pipefail
command -v go >/dev/null || { echo "needs Go 1.26"; exit 1; }
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": {
  "eventsource": "5.1.5", "eventsource-client": "1.2.0", "extended-eventsource": "2.1.0", "launchdarkly-eventsource": "2.2.0"
} }' > package.json
npm install --silent --no-audit --no-fund
python3 -m pip install --quiet --root-user-action=ignore --target python sseclient==0.0.27 requests-sse==0.5.3 aiohttp-sse-client2==0.3.0 httpx-sse==0.4.3 httpx==0.28.1
mkdir go
cat > go/go.mod <<'GO'
module call

go 1.26

require (
	github.com/donovanhide/eventsource v0.0.0-20210830082556-c59027999da0
	github.com/launchdarkly/eventsource v1.11.0
	github.com/r3labs/sse/v2 v2.10.0
	github.com/tmaxmax/go-sse v0.12.0
)
GO
cat > serve.mjs <<'JS'
import { createServer } from 'node:http'

// Of the first connection of each client: a message, an id alone, and its end. Then a message that says after what it came back. r3labs/sse comes
// back only where the connection broke.
const known = new Set()
const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  if (known.has(request.url)) return response.write(`data: 2 after ${request.headers['last-event-id'] ?? 'nothing'}\n\n`)
  known.add(request.url)
  response.write('retry: 100\nid: 1\ndata: 1\n\n')
  setTimeout(() => response.write('id: 5\n\n'), 100)
  setTimeout(() => (request.url.startsWith('/r3labs') ? response.destroy() : response.end()), 300)
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
JS
cat > call.mjs <<'JS'
import launchdarkly from 'launchdarkly-eventsource'
import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'
import { EventSource as Extended } from 'extended-eventsource'

console.info = console.warn = console.error = () => {} // what extended-eventsource logs
const [url] = process.argv.slice(2)
setInterval(() => {}, 1000) // nothing else keeps the process while one waits to come back
const read = (name, open) =>
  new Promise((resolve) => {
    const messages = []
    open(`${url}/${name}`, ({ data }) => {
      messages.push(JSON.stringify(data))
      if (data.startsWith('2')) resolve(console.log(`${name}: ${messages.join(' ')}`))
    })
  })
const by = (Source, options) => (address, onMessage) => {
  const source = new Source(address, options)
  source.onmessage = onMessage
  source.onerror = () => {}
}
await read('eventsource', by(EventSource))
await read('eventsource-client', (address, onMessage) => createEventSource({ url: address, onMessage }))
await read('extended-eventsource', by(Extended, {}))
await read('launchdarkly-eventsource', by(launchdarkly.EventSource, { initialRetryDelayMillis: 100, errorFilter: () => true }))
process.exit()
JS
cat > call.py <<'PY'
import asyncio
import datetime
import json
import sys
import httpx
import httpx_sse
import requests_sse
import sseclient
from aiohttp_sse_client2 import client as aiohttp_sse

url = sys.argv[1]
soon = datetime.timedelta(milliseconds=100)


def tell(name, messages):
    print(f"{name}: {' '.join(json.dumps(data) for data in messages)}", flush=True)


async def read_aiohttp():
    messages = []
    async with aiohttp_sse.EventSource(f"{url}/aiohttp-sse-client2", reconnection_time=soon) as source:
        async for message in source:
            messages.append(message.data)
            if message.data.startswith("2"):
                return tell("aiohttp-sse-client2", messages)


def read_requests():
    messages = []
    with requests_sse.EventSource(f"{url}/requests-sse", reconnection_time=soon) as source:
        for message in source:
            messages.append(message.data)
            if message.data.startswith("2"):
                return tell("requests-sse", messages)


def read_sseclient():
    messages = []
    for message in sseclient.SSEClient(f"{url}/sseclient", retry=100):
        messages.append(message.data)
        if message.data.startswith("2"):
            return tell("sseclient", messages)


def read_httpx():
    """It leaves it to its caller to come back."""
    messages = []
    with httpx.Client() as client, httpx_sse.connect_sse(client, "GET", f"{url}/httpx-sse") as source:
        for message in source.iter_sse():
            messages.append(message.data)
    tell("httpx-sse", messages)


asyncio.run(read_aiohttp())
read_requests()
read_sseclient()
read_httpx()
PY
cat > go/main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	donovanhide "github.com/donovanhide/eventsource"
	launchdarkly "github.com/launchdarkly/eventsource"
	r3labs "github.com/r3labs/sse/v2"
	tmaxmax "github.com/tmaxmax/go-sse"
)

func read(name string, open func(address string, onMessage func(data string))) {
	done := make(chan bool)
	messages := []string{}
	go open(os.Args[1]+"/"+name, func(data string) {
		messages = append(messages, fmt.Sprintf("%q", data))
		if strings.HasPrefix(data, "2") {
			fmt.Printf("%s: %s\n", name, strings.Join(messages, " "))
			close(done)
		}
	})
	<-done
}

func main() {
	read("donovanhide/eventsource", func(address string, onMessage func(string)) {
		source, _ := donovanhide.Subscribe(address, "")
		go func() {
			for range source.Errors {
			}
		}()
		for message := range source.Events {
			onMessage(message.Data())
		}
	})
	read("launchdarkly/eventsource", func(address string, onMessage func(string)) {
		source, _ := launchdarkly.SubscribeWithURL(address, launchdarkly.StreamOptionInitialRetry(100*time.Millisecond))
		go func() {
			for range source.Errors {
			}
		}()
		for message := range source.Events {
			onMessage(message.Data())
		}
	})
	read("r3labs/sse", func(address string, onMessage func(string)) {
		r3labs.NewClient(address).SubscribeRaw(func(message *r3labs.Event) { onMessage(string(message.Data)) })
	})
	read("tmaxmax/go-sse", func(address string, onMessage func(string)) {
		request, _ := http.NewRequestWithContext(context.Background(), "GET", address, nil)
		connection := tmaxmax.NewConnection(request)
		connection.SubscribeToAll(func(message tmaxmax.Event) { onMessage(message.Data) })
		connection.Connect()
	})
}
GO
(cd go && GOFLAGS=-mod=mod go build -o call . 2>/dev/null)
node serve.mjs > address &
until [ -s address ]; do sleep 0.1; done
seen=$(timeout 60 node call.mjs "$(cat address)"; PYTHONPATH=python timeout 60 python3 call.py "$(cat address)" 2>/dev/null; timeout 60 go/call "$(cat address)")
seen=$(grep . <<< "$seen") # sseclient prints an empty line
echo "What each gives as messages, where the standard has \"1\" \"2 after 5\":"
echo "$seen"
expected='eventsource: "1" "2 after 5"
eventsource-client: "1" "2 after 1"
extended-eventsource: "1" "" "2 after 5"
launchdarkly-eventsource: "1" "2 after 1"
aiohttp-sse-client2: "1" "2 after 5"
requests-sse: "1" "2 after 5"
sseclient: "1" "" "" "2 after 5"
httpx-sse: "1" ""
donovanhide/eventsource: "1" "" "2 after 5"
launchdarkly/eventsource: "1" "" "2 after 5"
r3labs/sse: "1" "" "2 after 5"
tmaxmax/go-sse: "1" "" "2 after 5"'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
