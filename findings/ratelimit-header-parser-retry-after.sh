#!/usr/bin/env bash
# Retry-After is a number of seconds from now, or an HTTP date (RFC 9110 section 10.2.3). ratelimit-header-parser 0.1.0, which falls back to it where
# an answer has the limit and no reset, reads the first as seconds since 1970 and the second as no date: whoever waits until `reset`
# does not wait. RateLimit-Reset it reads as its draft says, in seconds from now. No report was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": { "ratelimit-header-parser": "0.1.0" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import { parseRateLimit } from 'ratelimit-header-parser'

const limit = { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '0' }
const date = new Date(Date.now() + 120_000).toUTCString()
const answers = {
  'Retry-After: 120': { ...limit, 'retry-after': '120' },
  'Retry-After: a date': { ...limit, 'retry-after': date },
  'RateLimit-Reset: 120': { 'ratelimit-limit': '100', 'ratelimit-remaining': '0', 'ratelimit-reset': '120', 'retry-after': '120' },
}
for (const [what, headers] of Object.entries(answers)) {
  const { reset } = parseRateLimit(headers)
  const isAhead = reset.getTime() > Date.now() + 110_000
  console.log(`${what}: ${Number.isNaN(reset.getTime()) ? 'no date' : isAhead ? 'in two minutes' : reset.toISOString()}`)
}
JS
seen=$(node call.mjs)
echo "ratelimit-header-parser 0.1.0, when one may ask again:"
echo "$seen"
expected='Retry-After: 120: 1970-01-01T00:02:00.000Z
Retry-After: a date: no date
RateLimit-Reset: 120: in two minutes'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
