import { availableParallelism, cpus } from 'node:os'
import { benchList } from './list.ts'
import { benchRecord } from './record.ts'
import type { Figure } from './report.ts'
import { printFigures } from './report.ts'
import { benchRooms } from './rooms.ts'

// Every figure is a ratio within one run on one machine: absolute numbers differ between machines, ratios much less.
const [, , only] = process.argv
const parts: { [name: string]: () => Promise<Figure[]> } = { list: benchList, record: benchRecord, rooms: benchRooms }

console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`)
console.log(`${new Date().toISOString().slice(0, 10)}\n`)
for (const [name, run] of Object.entries(parts)) {
  if (only !== undefined && only !== name) continue
  console.error(`… ${name}`)
  printFigures(name, await run())
}
