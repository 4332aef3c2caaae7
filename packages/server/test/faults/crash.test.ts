import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { Participant, Session, SessionPage } from '@rollcall/protocol'
import { clusterLimits } from '../../src/cluster/limits.ts'
import { join } from '../support/clients/rtc-client.ts'
import { dataParent } from '../support/data-parent.ts'
import { type Program, runServer } from '../support/run-program.ts'
import { signToken } from '../support/sign-token.ts'

const key = { apiKey: 'crash', secret: 'a secret of the crash tests' }
const people = Array.from({ length: 100 }, (_, i) => `p${i}`)
/** These are inside from before the lease is renewed until the kill. */
const staying = people.slice(0, 25)
/** These too, but all leave at once, and the first of them to be let go kills the server. */
const leaving = people.slice(25, 50)
/** These come and go all the time. */
const moving = people.slice(50)
/** Joins and leaves of those who come and go that are acknowledged before the kill. */
const acknowledgedMin = 200

let folder: string
const programs: Program[] = []
before(async () => {
  folder = await mkdtemp(joinPath(dataParent, 'rollcall-crash-'))
})
after(async () => {
  for (const { child, ended } of programs) {
    child.kill('SIGKILL')
    await ended
  }
  await rm(folder, { recursive: true })
})

type Server = Awaited<ReturnType<typeof start>>

async function start(dataFolder: string, graceSeconds: number) {
  const settings = {
    ROLLCALL_DATA: dataFolder,
    ROLLCALL_API_KEY: key.apiKey,
    ROLLCALL_SECRET: key.secret,
    ROLLCALL_GRACE_SECONDS: String(graceSeconds),
  }
  const { program, url } = await runServer(settings, { clusterLimits: { ...clusterLimits, leaseIntervalMs: 1000 } })
  programs.push(program)
  const sign = () => signToken(key, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
  return {
    wsUrl: `${url.replace('http', 'ws')}/v2/rtc`,
    sign,
    async call<Body>(method: string, path: string): Promise<Body> {
      const response = await fetch(`${url}${path}`, { method, headers: { authorization: await sign() } })
      assert.equal(response.status, 200, path)
      return (await response.json()) as Body
    },
    async kill() {
      program.child.kill('SIGKILL')
      await program.ended
    },
  }
}

/** One stay, as its own side knows it: each moment lies between the asking and the answer. */
type Visit = { askedAt: number; joinedAt: number; leavingAt?: number; leftAt?: number }

async function enter(server: Server, roomId: string, name: string, visits: Visit[]) {
  const askedAt = Date.now()
  const client = await join(server, roomId, name)
  const visit: Visit = { askedAt, joinedAt: Date.now() }
  visits.push(visit)
  return { client, visit }
}

/** Leaves, and is closed in good order; false where the server is gone instead. */
async function leave({ client, visit }: Awaited<ReturnType<typeof enter>>): Promise<boolean> {
  visit.leavingAt = Date.now()
  client.send({ type: 'leave' })
  if ((await client.closed) !== '1000') return false
  visit.leftAt = Date.now()
  return true
}

/** Comes and goes until the server is gone. */
async function comeAndGo(server: Server, roomId: string, name: string, visits: Visit[], acknowledged: () => void) {
  for (;;) {
    const entered = await enter(server, roomId, name, visits)
    acknowledged()
    if (!(await leave(entered))) return
    acknowledged()
    // A stay that begins in the millisecond in which another ended would be one entry with it.
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A hundred people in a hosted room, and a server that is killed in the middle of their joins and leaves. */
async function crash(dataFolder: string) {
  const server = await start(dataFolder, 1)
  const { roomId } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
  const visits = new Map<string, Visit[]>(people.map((name) => [name, []]))
  const visitsOf = (name: string) => visits.get(name) ?? []
  const enterAll = (names: string[]) => Promise.all(names.map((name) => enter(server, roomId, name, visitsOf(name))))
  const stayed = await enterAll(staying)
  const toLeave = await enterAll(leaving)
  const settledAt = Date.now()
  while (readLease(dataFolder) <= settledAt) await new Promise((resolve) => setTimeout(resolve, 50))

  let acknowledged = 0
  const enough = Promise.withResolvers<void>()
  const count = () => {
    acknowledged += 1
    if (acknowledged === acknowledgedMin) enough.resolve()
  }
  const moves = moving.map((name) => comeAndGo(server, roomId, name, visitsOf(name), count))
  await Promise.race([enough.promise, Promise.all(moves)])
  const left = toLeave.map(leave)
  await Promise.race(left)
  await server.kill()
  // Whoever was on the way in is refused by a server that is gone.
  await Promise.allSettled(moves)
  await Promise.all(left)
  for (const { client } of stayed) assert.equal(await client.closed, '1006')
  return {
    roomId,
    visits,
    killedAt: Date.now(),
    leaseAt: readLease(dataFolder),
    sessionId: stayed[0]?.client.joined.sessionId,
  }
}

/** When the server last said that it holds its sockets. */
function readLease(dataFolder: string): number {
  const db = new DatabaseSync(joinPath(dataFolder, 'rollcall.db'), { readOnly: true })
  const row = db.prepare('select max(renewed_at) as at from leases').get()
  db.close()
  return Number(row?.at)
}

async function untilSession(server: Server, roomId: string, isSo: (session: Session) => boolean): Promise<Session> {
  for (;;) {
    const { data } = await server.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)
    assert.equal(data.length, 1, 'one life of the room')
    const [session] = data
    if (session !== undefined && isSo(session)) return session
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Everything that was acknowledged is in the record, and what was concluded lies where it has to. */
function assertKept(session: Session, { visits, killedAt, leaseAt }: Awaited<ReturnType<typeof crash>>): void {
  const logs = new Map(session.participants.map(({ participantId, timelog }) => [participantId, timelog]))
  for (const [name, ofPerson] of visits) {
    const timelog = (logs.get(name) ?? []).map((entry) => ({
      ...entry,
      start: Date.parse(entry.start),
      end: entry.end === null ? Number.POSITIVE_INFINITY : Date.parse(entry.end),
    }))
    // One more where a join was on the way back to its sender.
    assert.ok(timelog.length === ofPerson.length || timelog.length === ofPerson.length + 1, `${name}: every stay`)
    for (const [i, entry] of timelog.entries()) {
      const visit = ofPerson[i]
      if (visit !== undefined) {
        assert.ok(visit.askedAt <= entry.start && entry.start <= visit.joinedAt, `${name}: each join that was answered`)
      }
      if (entry.inferred) {
        assert.equal(entry.reason, 'source-restarted')
        assert.equal(entry.end, Math.max(leaseAt, entry.start), `${name}: the last evidence`)
        assert.equal(visit?.leftAt, undefined, `${name}: each leave that was closed`)
        assert.ok(entry.end <= killedAt, `${name}: nobody stays after the kill`)
      } else {
        assert.equal(entry.reason, 'left')
        assert.ok(
          entry.end >= (visit?.leavingAt ?? 0) && entry.end <= (visit?.leftAt ?? killedAt),
          `${name}: each leave lies where it was`,
        )
      }
    }
  }
}

// A server that hangs has to fail here, not to hold up the run.
describe('a server that is killed in the middle of a hundred people’s joins and leaves', { timeout: 300_000 }, () => {
  let crashed: Awaited<ReturnType<typeof crash>>
  before(async () => {
    crashed = await crash(joinPath(folder, 'crashed'))
  })

  /** Starts on what the killed server left: each test on a copy of its own. */
  async function startAgain(graceSeconds: number): Promise<Server> {
    const copy = joinPath(folder, `grace-${graceSeconds}`)
    await cp(joinPath(folder, 'crashed'), copy, { recursive: true })
    return start(copy, graceSeconds)
  }

  test('has every join that was answered and every leave that was closed; the others are over since the last evidence', async () => {
    const again = await startAgain(1)
    const session = await untilSession(again, crashed.roomId, ({ status }) => status === 'ended')
    assert.equal(session.id, crashed.sessionId)
    assertKept(session, crashed)
    for (const name of staying) {
      const [entry, ...others] = timelogOf(session, name)
      assert.deepEqual(others, [])
      assert.equal(Date.parse(entry?.end ?? ''), crashed.leaseAt)
    }
    const ends = session.participants.flatMap(({ timelog }) => timelog.map(({ end }) => Date.parse(end ?? '')))
    assert.equal(Date.parse(session.end ?? ''), Math.max(...ends))
  })

  test('goes on with the same session for whoever comes back within the grace, with one more entry of theirs', async () => {
    const again = await startAgain(600)
    const found = await untilSession(again, crashed.roomId, () => true)
    assertKept(found, crashed)
    const clients = await Promise.all(people.map((name) => join(again, crashed.roomId, name)))
    for (const { joined } of clients) assert.equal(joined.sessionId, crashed.sessionId)
    const session = await untilSession(again, crashed.roomId, () => true)
    for (const name of people) {
      const [now, then] = [timelogOf(session, name), timelogOf(found, name)]
      assert.deepEqual(now.slice(0, -1), then)
      assert.equal(now.at(-1)?.end, null)
    }
    for (const { socket } of clients) socket.terminate()
  })
})

function timelogOf(session: Session, name: string): Participant['timelog'] {
  return session.participants.find(({ participantId }) => participantId === name)?.timelog ?? []
}
