import type { StoreName } from './bench-database.ts'
import { drive, get } from './drive.ts'
import { type OwnClient, openOwnClient } from './fetch-by-hand.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { type History, withHistory } from './kept-history.ts'
import { type Figure, median } from './report.ts'
import { benchStart } from './start.ts'

const rounds = 5
const requestsPerRun = 600
const perPage = 20

/** Pages of a long history, on one store: every request another page, so that none was kept. */
export function benchPages(sessions: number, store: StoreName): Promise<Figure[]> {
  return withHistory(store, sessions, async (database, history) => {
    const { folder, env } = database
    const { readyMs, memoryBytes } = await benchStart(folder, env)
    const of = `${store}, ${history.sessions.toLocaleString('en')} sessions`
    const server = await forkServer(folder, env)
    const ownClient = await openOwnClient(database, history.keyId)
    try {
      return [
        ...(await measure(server, ownClient, history, of)),
        {
          what: `${of}: from the start of the process to the first answer`,
          value: readyMs,
          unit: 'ms',
          target: '≤ 500 ms',
        },
        {
          what: `${of}: memory of the process after its start`,
          value: memoryBytes / 1e6,
          unit: 'MB',
          target: '≤ 150 MB',
        },
      ]
    } finally {
      await ownClient.close()
      await server.stop()
    }
  })
}

type Part = 'cached' | 'cachedMemory' | 'rooms' | 'roomsByHand' | 'roomsMemory' | 'first' | 'middle' | 'last' | 'ranged'

/** @param of which store, and how long its history is */
async function measure(server: ForkedServer, ownClient: OwnClient, history: History, of: string): Promise<Figure[]> {
  const parts = await makeParts(server, ownClient, history)
  const rates = new Map<Part, number[]>()
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(parts) as [Part, () => Promise<number>][]) {
      const rate = await run()
      if (round > 0) rates.set(name, [...(rates.get(name) ?? []), rate])
    }
  }
  return toFigures((name) => median(rates.get(name) ?? []), of)
}

/** What is measured in each round: each gives how many of its requests were answered in a second. */
async function makeParts(
  server: ForkedServer,
  ownClient: OwnClient,
  { roomIds, sessions }: History,
): Promise<{ [name in Part]: () => Promise<number> }> {
  const headers = { authorization: server.token }
  const list = `${server.url}/v2/sessions?perPage=${perPage}`
  const lastPage = Math.ceil(sessions / perPage)
  const nextRun = createRuns()
  const pages = (from: number, step: 1 | -1, query = '') => {
    const first = from + step * nextRun(`${from} ${query === ''}`) * requestsPerRun
    return drive(
      Array.from({ length: requestsPerRun }, (_, i) => `${list}&page=${Math.max(1, first + step * i)}${query}`),
      headers,
    )
  }
  const roomsOfRun = () => {
    const run = nextRun('rooms')
    return Array.from({ length: requestsPerRun }, (_, i) => roomIds[(run * requestsPerRun + i) % roomIds.length] ?? '')
  }
  const repeated = (url: string) =>
    drive(
      Array.from({ length: requestsPerRun * 3 }, () => url),
      headers,
    )
  const memory = async (body: Buffer) => {
    await server.setBytes(body.toString())
    return repeated(server.memoryUrl)
  }
  // The rooms are in order of their length, and the longest are asked for: this page is as large as most of theirs.
  const bytes = await get(`${list}&roomId=${roomIds[Math.min(requestsPerRun, roomIds.length - 1)]}`, headers)
  const cachedBytes = await get(list, headers)
  return {
    cached: () => repeated(list),
    cachedMemory: () => memory(cachedBytes),
    rooms: () =>
      drive(
        roomsOfRun().map((roomId) => `${list}&roomId=${roomId}`),
        headers,
      ),
    // Other rooms than those that were just asked for: nobody has warmed them.
    roomsByHand: () => fetchByHand(ownClient, roomsOfRun()),
    roomsMemory: () => memory(bytes),
    first: () => pages(1, 1),
    middle: () => pages(Math.floor(lastPage / 2), 1),
    last: () => pages(lastPage, -1),
    ranged: () => pages(Math.floor(lastPage / 2), 1, `&endDate=${Date.now() + 1e9}`),
  }
}

/** Counts the runs of each name from 0: each asks for other pages than the one before, so that none was kept. */
function createRuns(): (name: string) => number {
  const runsOf = new Map<string, number>()
  return (name) => {
    const run = runsOf.get(name) ?? 0
    runsOf.set(name, run + 1)
    return run
  }
}

async function fetchByHand(ownClient: OwnClient, roomIds: string[]): Promise<number> {
  const startedAt = performance.now()
  for (const roomId of roomIds) await ownClient.fetchNewest(roomId, perPage)
  return (roomIds.length * 1000) / (performance.now() - startedAt)
}

function toFigures(rate: (part: Part) => number, of: string): Figure[] {
  return [
    {
      what: `${of}: page 1 of ${perPage}, cached`,
      value: rate('cached'),
      beside: { what: 'the same bytes from memory', value: rate('cachedMemory') },
      target: '≥ 0.8',
    },
    {
      what: `${of}: page 1 of ${perPage}, another room each time`,
      value: rate('rooms'),
      beside: { what: 'such bytes from memory', value: rate('roomsMemory') },
      target: '≥ 0.4',
    },
    {
      what: `${of}: the same`,
      value: rate('rooms'),
      beside: { what: 'such rows by the database’s own client', value: rate('roomsByHand') },
    },
    ...(['middle', 'last', 'ranged'] as const).map((name) => ({
      what: `${of}: ${name === 'ranged' ? 'middle pages of a range of dates' : `${name} pages`}, with total, none kept`,
      value: rate(name),
      beside: { what: 'first pages', value: rate('first') },
      target: '≥ 0.5',
    })),
  ]
}
