import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { AccessToken, type VideoGrant } from 'livekit-server-sdk'
import type { Moment, TrueStay } from '../support/truth.ts'
import type { ClientOrder, ClientSight, Scenario } from './client-process.ts'
import { livekitKey } from './livekit-server.ts'

/** A real client, and what it saw. */
export type Person = {
  id: string
  leave(): Promise<void>
  /** Kills its process, with every client in it. LiveKit takes it for gone about 20 s later. */
  kill(): Promise<void>
  /** Reconnects it, in one of LiveKit's own ways; `isNew`: as a new connection, which ends its stay and begins another. */
  reconnect(scenario: Scenario, isNew: boolean): Promise<void>
  /** Its process is killed as it migrates. */
  dieMigrating(): Promise<void>
  /** Does what has LiveKit put it out, and waits until it is. */
  putOut<T>(cause: () => Promise<T>): Promise<T>
  /** Has its stay end when its server was killed, and another begin when it is connected again. */
  comeBack(killed: { atMs: number; end: Moment }): Promise<void>
  /** Ends its stay in truth, whatever it sees itself. */
  isGone(end: Moment): void
}

export type People = {
  /** Every connection that somebody had to a room, by the clients' own clock. */
  truthOf(room: string): TrueStay[]
  /** Joins; resolves when its client is connected. Those of one `crowd` share a process, else each has one. */
  join(id: string, room: string, more?: { crowd?: string; kind?: string; grant?: VideoGrant }): Promise<Person>
  stop(): Promise<void>
}

/** LiveKit takes somebody for gone about 20 s after the last that came of them, in milliseconds. */
const goneAfter = { fromMs: 18_000, toMs: 22_000 }

const waitMs = 60_000

export function createPeople(livekitUrl: string): People {
  const url = livekitUrl.replace(/^http/, 'ws')
  const crowds = new Map<string, Crowd>()
  const processes: Crowd[] = []
  const truth = new Map<string, TrueStay[]>()
  return {
    truthOf: (room) => truth.get(room) ?? [],
    async join(id, room, { crowd: name, kind, grant } = {}) {
      const crowd = (name !== undefined && crowds.get(name)) || startCrowd()
      if (name !== undefined) crowds.set(name, crowd)
      if (!processes.includes(crowd)) processes.push(crowd)
      const client = ++crowd.clients
      const asked = crowd.see(client, 'asked')
      const connected = crowd.see(client, 'connected')
      crowd.send({ order: 'join', client, url, token: await signToken(id, room, kind, grant) })
      const stay = { id, start: { from: await asked, to: await connected }, end: never }
      const stays = truth.get(room) ?? []
      truth.set(room, stays)
      stays.push(stay)
      return createPerson(stays, crowd, client, stay)
    },
    async stop() {
      await Promise.all(processes.map((one) => one.kill()))
    },
  }
}

const never: Moment = { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY }

function createPerson(stays: TrueStay[], crowd: Crowd, client: number, first: TrueStay): Person {
  const { id } = first
  let stay = first
  const begin = (start: Moment) => {
    stay = { id, start, end: never }
    stays.push(stay)
  }
  return {
    id,
    async leave() {
      const [leaving, disconnected] = [crowd.see(client, 'leaving'), crowd.see(client, 'disconnected')]
      crowd.send({ order: 'leave', client })
      stay.end = { from: await leaving, to: await disconnected }
    },
    async kill() {
      const atMs = await crowd.kill()
      stay.end = { from: atMs + goneAfter.fromMs, to: atMs + goneAfter.toMs }
    },
    async reconnect(scenario, isNew) {
      const simulating = crowd.see(client, 'simulating')
      const reconnecting = crowd.see(client, 'reconnecting')
      const reconnected = crowd.see(client, 'reconnected')
      crowd.send({ order: 'simulate', client, scenario })
      const [fromMs, cutMs, backMs] = await Promise.all([simulating, reconnecting, reconnected])
      if (!isNew) return
      stay.end = { from: fromMs, to: cutMs }
      begin({ from: fromMs, to: backMs })
    },
    async dieMigrating() {
      const simulating = crowd.see(client, 'simulating')
      const reconnecting = crowd.see(client, 'reconnecting')
      crowd.send({ order: 'simulate', client, scenario: 'MIGRATION' })
      const [fromMs] = await Promise.all([simulating, reconnecting])
      stay.end = { from: fromMs, to: await crowd.kill() }
    },
    async putOut(cause) {
      const disconnected = crowd.see(client, 'disconnected')
      const from = Date.now()
      const caused = await cause()
      stay.end = { from, to: await disconnected }
      return caused
    },
    async comeBack({ atMs, end }) {
      stay.end = end
      begin({ from: atMs, to: await crowd.see(client, 'reconnected') })
    },
    isGone(end) {
      stay.end = end
    },
  }
}

/** One process, and the clients in it. */
type Crowd = {
  clients: number
  send(order: ClientOrder): void
  /** Resolves with the time at which a client saw something, the next time that it does. */
  see(client: number, saw: ClientSight['saw']): Promise<number>
  /** Resolves with the time of the kill, when it is gone. */
  kill(): Promise<number>
}

function startCrowd(): Crowd {
  const child: ChildProcess = fork(join(import.meta.dirname, 'client-process.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Set<(sight: ClientSight) => void>()
  child.on('message', (sight: ClientSight) => {
    for (const tell of [...waiting]) tell(sight)
  })
  return {
    clients: 0,
    send: (order) => void child.send(order),
    see(client, saw) {
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const late = setTimeout(() => reject(new Error(`client ${client} has not ${saw} in ${waitMs} ms`)), waitMs)
      const tell = (sight: ClientSight) => {
        if (sight.client !== client || (sight.saw !== saw && sight.saw !== 'failed')) return
        clearTimeout(late)
        waiting.delete(tell)
        if (sight.saw === saw) resolve(sight.atMs)
        else reject(new Error(`client ${client} has not ${saw}: ${sight.why}`))
      }
      waiting.add(tell)
      return promise
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        const atMs = Date.now()
        await exited
        return atMs
      }
      return Date.now()
    },
  }
}

export async function signToken(id: string, room: string, kind?: string, grant: VideoGrant = {}): Promise<string> {
  const token = new AccessToken(livekitKey.apiKey, livekitKey.secret, {
    identity: id,
    name: `${id} of a test`,
    ttl: '1h',
  })
  token.addGrant({ roomJoin: true, room, ...grant })
  if (kind !== undefined) token.kind = kind
  return token.toJwt()
}
