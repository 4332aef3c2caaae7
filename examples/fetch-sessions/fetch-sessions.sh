#!/bin/sh
# Prints the first 20 sessions of a room (or of all rooms), newest first.
set -eu
: "${ROLLCALL_TOKEN:?is missing: sign one with  npm run -s rollcall -- token}"
url=${ROLLCALL_URL:-http://127.0.0.1:4000}

set --
if [ -n "${ROLLCALL_ROOM_ID:-}" ]; then set -- "$@" --data-urlencode "roomId=$ROLLCALL_ROOM_ID"; fi
if [ -n "${ROLLCALL_CUSTOM_ROOM_ID:-}" ]; then set -- "$@" --data-urlencode "customRoomId=$ROLLCALL_CUSTOM_ROOM_ID"; fi

# An answer that is not 200 is printed too, and ends this with 22.
curl --silent --show-error --fail-with-body --get \
  --header "Authorization: $ROLLCALL_TOKEN" \
  --header 'Content-Type: application/json' \
  "$@" --data page=1 --data perPage=20 \
  "$url/v2/sessions/"
