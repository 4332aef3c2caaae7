import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { insertIntoFile } from './by-hand.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { readCommits } from './record.ts'
import { type Figure, median, quantile } from './report.ts'

const people = 64
const rooms = 8
const seconds = 8
const idleSockets = 10_000
const idlePerRoom = 100
const seenJoins = 50

/** Joins and leaves through one process of hosted rooms: a socket, a join and a leave each, durable before it is answered. */
export async function benchRooms(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  try {
    const server = await forkServer(folder)
    const roomIds = await Promise.all(Array.from({ length: rooms }, () => createRoom(server)))
    let facts = 0
    const spent = await weigh(server, async () => {
      const until = performance.now() + seconds * 1000
      await Promise.all(
        Array.from({ length: people }, async (_, i) => {
          while (performance.now() < until) {
            await joinAndLeave(server, roomIds[i % rooms] ?? '', `p${i}`)
            facts += 2
          }
        }),
      )
    })
    const committed = await readCommits(server)
    const together = Math.round(committed.facts / committed.commits)
    await server.stop()
    return [
      {
        what: `joins and leaves of ${people} people in ${rooms} hosted rooms, a socket each`,
        value: facts / seconds,
        beside: {
          what: `the same rows inserted by hand, ${together} a commit as there`,
          value: await insertIntoFile(folder, { before: 0, together }),
        },
      },
      ...processorOf('a join and its leave', spent, facts / 2),
      ...(await benchSockets()),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Ten thousand people who say nothing; and how soon the API shows whoever joins beside them. */
async function benchSockets(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const sockets: WebSocket[] = []
  try {
    const server = await forkServer(folder)
    const beforeBytes = await server.memory()
    const started = performance.now()
    const spent = await weigh(server, async () => {
      for (let i = 0; i < idleSockets; i += idlePerRoom) {
        const roomId = await createRoom(server)
        const joining = Array.from({ length: idlePerRoom }, (_, n) => joinRoom(server, roomId, `p${n}`))
        for (const { socket, joined } of joining) {
          sockets.push(socket)
          await joined
        }
      }
    })
    const joinsSeconds = (performance.now() - started) / 1000
    const seenMs: number[] = []
    for (let i = 0; i < seenJoins; i++) {
      const roomId = await createRoom(server)
      const { socket, joined } = joinRoom(server, roomId, 'anna')
      sockets.push(socket)
      await joined
      const joinedAt = performance.now()
      while (!(await isListed(server, roomId)));
      seenMs.push(performance.now() - joinedAt)
    }
    const perSocket = ((await server.memory()) - beforeBytes) / idleSockets / 1024
    for (const socket of sockets) socket.terminate()
    await server.stop()
    const size = idleSockets.toLocaleString('en')
    return [
      {
        what: `${size} people join one after the other, ${idlePerRoom} to a room, and stay`,
        value: idleSockets / joinsSeconds,
      },
      ...processorOf('such a join', spent, idleSockets),
      {
        what: `a join beside ${size} idle sockets, from its answer until the API lists it: median`,
        value: median(seenMs),
        unit: 'ms',
        target: '≤ 50 ms',
      },
      { what: 'the same, 99 of 100 within', value: quantile(seenMs, 0.99), unit: 'ms', target: '≤ 50 ms' },
      { what: `memory of ${size} idle sockets`, value: (perSocket * idleSockets) / 1000, unit: 'MB' },
    ]
  } finally {
    for (const socket of sockets) socket.terminate()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Processor time in microseconds: of the server, and of what drives it, beside it on the same machine. */
type Spent = { all: number; main: number; driver: number }

async function weigh(server: ForkedServer, work: () => Promise<void>): Promise<Spent> {
  const before = await server.processor()
  const driver = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(driver)
  const after = await server.processor()
  return { all: after.all - before.all, main: after.main - before.main, driver: user + system }
}

function processorOf(what: string, { all, main, driver }: Spent, count: number): Figure[] {
  const beside = { what: 'of what drives it', value: driver / count }
  return [
    { what: `processor time of ${what}: of the server`, value: all / count, unit: 'µs', beside },
    { what: 'the same: of its main thread', value: main / count, unit: 'µs', beside },
  ]
}

async function createRoom({ url, token }: ForkedServer): Promise<string> {
  const answer = await fetch(`${url}/v2/rooms`, { method: 'POST', headers: { authorization: token } })
  return ((await answer.json()) as { roomId: string }).roomId
}

async function isListed({ url, token }: ForkedServer, roomId: string): Promise<boolean> {
  const answer = await fetch(`${url}/v2/sessions?roomId=${roomId}`, { headers: { authorization: token } })
  return ((await answer.json()) as { data: { participants: object[] }[] }).data[0]?.participants.length === 1
}

async function joinAndLeave(server: ForkedServer, roomId: string, participantId: string): Promise<void> {
  const { socket, joined } = joinRoom(server, roomId, participantId)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.on('close', (code, reason) => {
    if (code === 1000) resolve()
    else reject(new Error(`the room closed with ${code} ${reason}`))
  })
  await joined
  socket.send('{"type":"leave"}')
  await promise
}

function joinRoom({ wsUrl, token }: ForkedServer, roomId: string, participantId: string) {
  const socket = new WebSocket(wsUrl, { perMessageDeflate: false })
  const { promise: joined, resolve, reject } = Promise.withResolvers<void>()
  socket.on('error', reject)
  socket.on('close', (code, reason) => reject(new Error(`the room closed with ${code} ${reason}`)))
  socket.on('open', () => {
    socket.send(JSON.stringify({ type: 'join', token, roomId, participantId, name: participantId }))
  })
  socket.on('message', (data) => {
    if (JSON.parse(String(data)).type === 'joined') resolve()
  })
  return { socket, joined }
}
