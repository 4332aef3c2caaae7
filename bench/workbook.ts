import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Cell, writeWorkbook } from '../packages/server/src/api/tables/workbook.ts'

// Writes a workbook of as many rows to nowhere, and tells by how many MB the process grew.

const [, , rows = ''] = process.argv
const rowsTogether = 250
const names = [
  'session',
  'room',
  'name of the room',
  'participant',
  'name',
  'kind',
  'start',
  'end',
  'duration',
  'inferred',
]

async function* pages(): AsyncGenerator<Cell[][]> {
  for (let i = 0; i < Number(rows); i += rowsTogether) {
    yield Array.from({ length: rowsTogether }, (_, j) => rowOf(i + j))
    await new Promise(setImmediate)
  }
}

function rowOf(n: number): Cell[] {
  const at = 1_780_000_000_000 + n * 1000
  const texts = [
    '67e1f0c2a1b2c3d4e5f6a7b8',
    'abcd-efgh-ijkl',
    `room ${n % 10}`,
    `participant-${n}`,
    `Person ${n}`,
    'person',
  ]
  return [...texts, { moment: at }, { moment: at + n }, { seconds: n / 10 }, false]
}

globalThis.gc?.()
const before = process.memoryUsage.rss()
let most = before
const nowhere = new Writable({
  write(_chunk, _encoding, done) {
    most = Math.max(most, process.memoryUsage.rss())
    setImmediate(done)
  },
})
await pipeline(
  writeWorkbook(
    names.map((name) => ({ name, width: 20 })),
    pages(),
  ),
  nowhere,
)
process.send?.((most - before) / 1e6)
process.disconnect?.()
