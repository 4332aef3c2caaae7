import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchAnalytics } from './analytics.ts'
import { benchAttendance } from './attendance.ts'
import { benchJoins } from './joins.ts'
import { benchList } from './list.ts'
import { benchPages } from './pages.ts'
import { benchPeers } from './peers.ts'
import { benchPeople } from './people.ts'
import { benchRebuild } from './rebuild.ts'
import { benchRecord } from './record.ts'
import { type Figure, printFigures } from './report.ts'
import { benchRooms } from './rooms.ts'
import { benchStream } from './stream.ts'
import { benchUsage } from './usage.ts'
import { benchWebhooks } from './webhooks.ts'

// npm run bench -- [part …] [--size 1m]. Every figure is a ratio within one run on one machine: absolute numbers differ
// between machines, ratios much less.

const { values, positionals } = parseArgs({
  options: { size: { type: 'string', default: '1m' } },
  allowPositionals: true,
})
const size = toNumber(values.size)
const parts: { [name: string]: () => Promise<Figure[]> } = {
  list: benchList,
  record: () => benchRecord('SQLite'),
  'record-postgres': () => benchRecord('PostgreSQL'),
  joins: () => benchJoins('SQLite'),
  'joins-postgres': () => benchJoins('PostgreSQL'),
  rooms: benchRooms,
  webhooks: benchWebhooks,
  stream: benchStream,
  people: () => benchPeople(size, 'SQLite'),
  'people-postgres': () => benchPeople(size, 'PostgreSQL'),
  attendance: () => benchAttendance('SQLite'),
  'attendance-postgres': () => benchAttendance('PostgreSQL'),
  usage: () => benchUsage(size, 'SQLite'),
  'usage-postgres': () => benchUsage(size, 'PostgreSQL'),
  rebuild: () => benchRebuild(size),
  peers: () => benchPeers(size),
  pages: () => benchPages(size, 'SQLite'),
  analytics: () => benchAnalytics(size),
  'pages-postgres': () => benchPages(size, 'PostgreSQL'),
}
const unknown = positionals.find((name) => !(name in parts))
if (unknown !== undefined)
  throw new Error(`${unknown} is no part of the bench: it takes ${Object.keys(parts).join(', ')}`)

console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`)
console.log(`${new Date().toISOString().slice(0, 10)}\n`)
for (const [name, run] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.error(`… ${name}`)
  printFigures(name, await run())
}

/** `1m` is a million, `100k` a hundred thousand. */
function toNumber(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([km]?)$/i.exec(text) ?? []
  const number = Number(digits) * (unit.toLowerCase() === 'm' ? 1e6 : unit.toLowerCase() === 'k' ? 1e3 : 1)
  if (number >= 1000) return number
  throw new Error(`--size=${text} is not understood: it takes a number from 1k, such as 100k or 10m`)
}
