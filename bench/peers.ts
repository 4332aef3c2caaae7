import { type ChildProcess, fork } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreName } from './bench-database.ts'
import { get } from './drive.ts'
import { forkServer, nextMessage } from './fork-server.ts'
import { type History, withHistory } from './kept-history.ts'
import { fillPeer } from './peers/fill.ts'
import { plotLogLog, type Series } from './plot.ts'
import { type Figure, median } from './report.ts'

const perPage = 20
const requestsPerPlace = 15
const roomsAsked = 60
const peerName = 'Express + ORM on PostgreSQL'

/** How long a page took, in milliseconds, by its number. */
type Taken = Map<number, number>
type Measured = {
  name: string
  sessions: number
  taken: Taken
  /** The first page of a room, in milliseconds. */
  roomMs: number
}

/**
 * How long pages take near some page numbers, and the last page and the first of a room at some lengths of history: Rollcall on both
 * stores, and what people write instead. Writes a plot of each beside RESULTS.md.
 */
export async function benchPeers(sessions: number): Promise<Figure[]> {
  const measured: Measured[] = []
  for (const size of [10_000, 100_000, sessions].filter(
    (size, i, all) => all.indexOf(size) === i && size <= sessions,
  )) {
    measured.push(await measureRollcall('SQLite', size), ...(await measurePostgres(size)))
  }
  const names = [...new Set(measured.map(({ name }) => name))]
  const largest = measured.filter((one) => one.sessions === sessions)
  await mkdir(join(import.meta.dirname, 'plots'), { recursive: true })
  await writePlot('pages.svg', {
    title: `A page of ${perPage}, with its total, of ${sessions.toLocaleString('en')} sessions`,
    x: 'page number',
    series: largest.map(({ name, taken }) => ({ name, points: [...taken].map(([x, y]) => ({ x, y })) })),
  })
  await writePlot('sessions.svg', {
    title: `The last page of ${perPage}, with its total`,
    x: 'sessions',
    series: names.map((name) => ({
      name,
      points: measured
        .filter((one) => one.name === name)
        .map((one) => ({ x: one.sessions, y: [...one.taken.values()].at(-1) ?? Number.NaN })),
    })),
  })
  await writePlot('rooms.svg', {
    title: `The first page of ${perPage} of a room, another one each time`,
    x: 'sessions',
    series: names.map((name) => ({
      name,
      points: measured.filter((one) => one.name === name).map((one) => ({ x: one.sessions, y: one.roomMs })),
    })),
  })
  const peer = largest.find(({ name }) => name === peerName)
  return largest
    .filter((one) => one !== peer)
    .flatMap(({ name, taken, roomMs }) => {
      const of = `${name}, ${sessions.toLocaleString('en')} sessions`
      const beside = (value: number | undefined) => ({ what: peerName, value: value ?? Number.NaN })
      const pages = [...taken].map(
        ([page, value]): Figure => ({
          what: `${of}: page ${page.toLocaleString('en')}, none kept`,
          value,
          unit: 'ms',
          beside: beside(peer?.taken.get(page)),
        }),
      )
      return [
        ...pages,
        { what: `${of}: page 1 of a room, another each time`, value: roomMs, unit: 'ms', beside: beside(peer?.roomMs) },
      ]
    })
}

async function writePlot(name: string, plot: { title: string; x: string; series: Series[] }): Promise<void> {
  await writeFile(join(import.meta.dirname, 'plots', name), plotLogLog({ ...plot, y: 'milliseconds' }))
}

function measureRollcall(store: StoreName, sessions: number): Promise<Measured> {
  return withHistory(store, sessions, ({ folder, env }, history) => measure(folder, env, store, history))
}

/** Rollcall and the peer on one PostgreSQL, one after the other. */
function measurePostgres(sessions: number): Promise<Measured[]> {
  return withHistory('PostgreSQL', sessions, async ({ folder, env }, history) => {
    const rollcall = await measure(folder, env, 'PostgreSQL', history)
    await fillPeer(env.DATABASE_URL ?? '')
    const child: ChildProcess = fork(join(import.meta.dirname, 'peers/server.ts'), {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    try {
      const { url } = await nextMessage<{ url: string }>(child)
      return [rollcall, { name: peerName, sessions, ...(await timeAll(`${url}/v2/sessions`, {}, history)) }]
    } finally {
      child.kill()
    }
  })
}

async function measure(folder: string, env: NodeJS.ProcessEnv, store: StoreName, history: History): Promise<Measured> {
  const server = await forkServer(folder, env)
  try {
    const headers = { authorization: server.token }
    const timed = await timeAll(`${server.url}/v2/sessions`, headers, history)
    return { name: `Rollcall on ${store}`, sessions: history.sessions, ...timed }
  } finally {
    await server.stop()
  }
}

async function timeAll(url: string, headers: { [name: string]: string }, { sessions, roomIds }: History) {
  const taken = await timePages(url, headers, sessions)
  return { taken, roomMs: await timeRooms(url, headers, roomIds) }
}

/** The rooms that have the most sessions, each asked for once, one after the other. */
async function timeRooms(url: string, headers: { [name: string]: string }, roomIds: string[]): Promise<number> {
  const tookMs: number[] = []
  for (const roomId of roomIds.slice(0, roomsAsked)) {
    const startedAt = performance.now()
    await get(`${url}?perPage=${perPage}&roomId=${roomId}`, headers)
    tookMs.push(performance.now() - startedAt)
  }
  return median(tookMs)
}

/** Near page 1, 10, 100 and so on, and the last: every request another page, one after the other. */
async function timePages(url: string, headers: { [name: string]: string }, sessions: number): Promise<Taken> {
  const last = Math.ceil(sessions / perPage)
  const places = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].filter((page) => page < last / 2)
  const taken: Taken = new Map()
  await get(`${url}?perPage=${perPage}&page=${Math.ceil(last / 3)}`, headers)
  for (const page of [...places, last]) {
    const tookMs: number[] = []
    for (let i = 0; i < requestsPerPlace; i++) {
      const near = page === last ? last - i : page + i
      const startedAt = performance.now()
      await get(`${url}?perPage=${perPage}&page=${near}`, headers)
      tookMs.push(performance.now() - startedAt)
    }
    taken.set(page, median(tookMs))
  }
  return taken
}
