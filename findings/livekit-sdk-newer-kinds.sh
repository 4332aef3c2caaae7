#!/usr/bin/env bash
# LiveKit's official webhook receiver, with the protocol package as a lock file of 2024 holds it, reads what a LiveKit
# of today sends: a participant of a kind that it does not know (CONNECTOR, BRIDGE) becomes kind 0, STANDARD, a person.
# No error, no trace of the name that was sent. The same with a reason for leaving that it does not know: 0, UNKNOWN_REASON.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > package.json <<'JSON'
{
  "type": "module",
  "private": true,
  "dependencies": { "livekit-server-sdk": "2.6.0", "@livekit/protocol": "1.20.0" },
  "overrides": { "@livekit/protocol": "1.20.0" }
}
JSON
npm install --silent --no-audit --no-fund
cat > read.mjs <<'JS'
import { createHash } from 'node:crypto'
import { AccessToken, WebhookReceiver } from 'livekit-server-sdk'

const [key, secret] = ['devkey', 'a secret of this test, of 32 bytes']

/** The webhook as LiveKit 1.13.5 writes it: protojson, enums by their names. */
async function read(participant) {
  const body = JSON.stringify({
    event: 'participant_left',
    id: 'EV_1',
    createdAt: '1771351907',
    room: { sid: 'RM_1', name: 'standup' },
    participant: { sid: 'PA_1', identity: 'somebody', ...participant },
  })
  const token = new AccessToken(key, secret)
  token.sha256 = createHash('sha256').update(body).digest('base64')
  return (await new WebhookReceiver(key, secret).receive(body, await token.toJwt())).participant
}

for (const kind of ['SIP', 'AGENT', 'CONNECTOR', 'BRIDGE']) console.log(kind, (await read({ kind })).kind)
for (const disconnectReason of ['CLIENT_INITIATED', 'MEDIA_FAILURE', 'AGENT_ERROR']) {
  console.log(disconnectReason, (await read({ disconnectReason })).disconnectReason)
}
JS
seen=$(node read.mjs)
echo "livekit-server-sdk 2.6.0, @livekit/protocol 1.20.0:"
echo "$seen"
expected='SIP 3
AGENT 4
CONNECTOR 0
BRIDGE 0
CLIENT_INITIATED 1
MEDIA_FAILURE 0
AGENT_ERROR 0'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
