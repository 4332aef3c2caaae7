import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { requireProgram } from '../../../client/test/system-program.ts'
import { seeSoon } from '../support/senders/janus-events.ts'
import { listSeen } from '../support/senders/source-client.ts'
import { compareStays, type Moment, type TrueStay } from '../support/truth.ts'
import { abandonJoin, joinWithoutMedia } from './half-join.ts'
import { buildLivekit } from './livekit-program.ts'
import { departureSeconds } from './livekit-server.ts'
import type { Person } from './people.ts'
import { startRedis } from './redis.ts'
import { createWorld, listStays, lookEveryMs, type Rollcall, type World } from './world.ts'

// A real LiveKit, real clients, and the record held against the clients' own clock: each stay is there, and starts and ends
// within a second of when its client says. Run by `npm run test:livekit`.

const found = await buildLivekit()
const program = 'program' in found ? found.program : ''
const skip = 'missing' in found && found.missing
if (skip !== false) console.log(`LiveKit's tests are skipped: ${skip}`)

const minuteMs = 60_000
/** What has come by now of what LiveKit has still to send. */
const settleMs = 20_000

describe('a real LiveKit', { skip, concurrency: 4, timeout: 10 * minuteMs }, () => {
  let world: World
  before(async () => {
    world = await createWorld(program)
  })
  after(() => world?.stop())

  test('has a stay of everybody who joins and leaves', async (t) => {
    const { people } = world
    const anna = await people.join('anna', 'normal')
    const ben = await people.join('ben', 'normal')
    await delay(3000)
    const cleo = await people.join('cleo', 'normal')
    await ben.leave()
    await delay(1500)
    await anna.leave()
    await cleo.leave()
    await holdAgainstTruth(t, world, 'normal')
    await hasSessions(world, 'normal', ['ended'])
  })

  test('has three stays, one after another, of an identity that joins three times', async (t) => {
    const { people } = world
    const olga = await people.join('olga', 'duplicate')
    let anna = await people.join('anna', 'duplicate')
    for (let again = 0; again < 2; again++) {
      await delay(2500)
      anna = await anna.putOut(() => people.join('anna', 'duplicate'))
    }
    await delay(2000)
    await anna.leave()
    await olga.leave()
    await holdAgainstTruth(t, world, 'duplicate')
  })

  test('has a client that is killed inside until LiveKit takes it for gone', async (t) => {
    const { people } = world
    const olga = await people.join('olga', 'killed')
    const anna = await people.join('anna', 'killed')
    await delay(3000)
    await anna.kill()
    await delay(30_000)
    await olga.leave()
    await holdAgainstTruth(t, world, 'killed')
    for (const rollcall of world.rollcalls) {
      const stay = (await listStays(rollcall, 'killed')).find(({ id }) => id === 'anna')
      assert.equal(stay?.reason, 'CONNECTION_TIMEOUT', rollcall.by)
    }
  })

  test('has one stay of somebody who resumes, and another of somebody who connects anew', async (t) => {
    const { people } = world
    const olga = await people.join('olga', 'reconnects')
    const resumes = await people.join('resumes', 'reconnects')
    const anew = await people.join('anew', 'reconnects')
    const fails = await people.join('node-fails', 'reconnects')
    await delay(2000)
    await resumes.reconnect('SIGNAL_RECONNECT', false)
    await anew.reconnect('FULL_RECONNECT', true)
    await fails.reconnect('NODE_FAILURE', true)
    await delay(3000)
    for (const person of [resumes, anew, fails, olga]) await person.leave()
    await holdAgainstTruth(t, world, 'reconnects')
  })

  test('has two stays of somebody who migrates', async (t) => {
    const { people } = world
    const olga = await people.join('olga', 'migrates')
    const anna = await people.join('anna', 'migrates')
    await delay(2000)
    await anna.reconnect('MIGRATION', true)
    await delay(3000)
    await anna.leave()
    await olga.leave()
    await holdAgainstTruth(t, world, 'migrates')
  })

  test('has somebody inside until they migrate who is gone by then', async (t) => {
    const { people } = world
    const olga = await people.join('olga', 'migrates and is gone')
    const anna = await people.join('anna', 'migrates and is gone')
    await delay(5000)
    await anna.dieMigrating()
    await delay(15_000)
    await olga.leave()
    await holdAgainstTruth(t, world, 'migrates and is gone')
  })

  test('has a session for each time that a name is used', async (t) => {
    const { people, roomService } = world
    for (let time = 0; time < 3; time++) {
      const ben = await people.join('ben', 'reused')
      const anna = await people.join('anna', 'reused')
      await delay(3000)
      await anna.putOut(() => ben.putOut(() => roomService.deleteRoom('reused')))
    }
    await holdAgainstTruth(t, world, 'reused')
    await hasSessions(world, 'reused', ['ended', 'ended', 'ended'])
  })

  test('has everybody of whatever kind, told apart', async (t) => {
    const { people } = world
    const kinds = {
      standard: 'person',
      agent: 'agent',
      sip: 'sip',
      egress: 'egress',
      ingress: 'ingress',
      connector: 'sip',
      bridge: 'agent',
    }
    const persons = new Map<string, Person>()
    for (const kind of Object.keys(kinds)) persons.set(kind, await people.join(kind, 'kinds', { crowd: 'kinds', kind }))
    for (const grant of [{ hidden: true }, { recorder: true }]) {
      const [id = ''] = Object.keys(grant)
      persons.set(id, await people.join(id, 'kinds', { crowd: 'kinds', grant }))
    }
    for (const person of persons.values()) await person.leave()
    await holdAgainstTruth(t, world, 'kinds')
    for (const { server, by } of world.rollcalls) {
      const session = (await listSeen(server)).find(({ room }) => room === 'kinds')
      const seen = Object.fromEntries(session?.people.map(({ id, kind }) => [id, kind]) ?? [])
      assert.deepEqual(seen, { ...kinds, hidden: 'recorder', recorder: 'recorder' }, by)
    }
  })

  test('has nobody who never got in', async (t) => {
    const { people, livekit } = world
    const olga = await people.join('olga', 'no media')
    await abandonJoin(livekit.url, 'quick', 'no media')
    const stuck = await joinWithoutMedia(livekit.url, 'stuck', 'no media')
    // LiveKit gives it up after a minute.
    await stuck.closed
    await olga.leave()
    await holdAgainstTruth(t, world, 'no media')
    for (const { taken } of world.rollcalls) {
      assert.equal(taken.filter((event) => event === 'participant_connection_aborted').length, 2)
    }
  })
})

describe('a real LiveKit whose webhooks do not arrive for a while', { skip, timeout: 5 * minuteMs }, () => {
  test('has every stay of which anything came, and ends whose leave was lost by what comes next', async (t) => {
    const world = await createWorld(program)
    t.after(() => world.stop())
    const { people, rollcalls } = world
    const away = (fault: Rollcall['gate']['fault']) => {
      for (const { gate } of rollcalls) gate.fault = fault
    }
    const anna = await people.join('anna', 'away')
    const ben = await people.join('ben', 'away')
    await delay(2000)
    // LiveKit tries for 15 s, and gives Ben's leave up.
    away(503)
    const lostMs = Date.now()
    await ben.leave()
    await delay(18_000)
    // It tries again until this comes.
    away('reset')
    const dora = await people.join('dora', 'away')
    await delay(4000)
    away(undefined)
    await delay(15_000)
    await dora.leave()
    await anna.leave()
    const lastLeftMs = Date.now()
    await holdAgainstTruth(t, world, 'away', ({ id, end }, { by }) => {
      if (id !== 'ben') return end
      // Looks miss him at once; by webhooks alone the end of the room is the next that tells of him.
      const roomEndMs = lastLeftMs + departureSeconds * 1000
      return by === 'webhooks' ? { from: lostMs, to: roomEndMs } : { from: lostMs - 2 * lookEveryMs, to: end.to }
    })
  })
})

describe('a real LiveKit that is killed', { skip, timeout: 5 * minuteMs, concurrency: 2 }, () => {
  test('had everybody inside until then, and has them again when they come back', async (t) => {
    const world = await createWorld(program)
    t.after(() => world.stop())
    await holdAgainstTruth(t, world, 'outlives', await killAndReturn(world))
    await hasInferredEnds(world)
  })

  test('and keeps its rooms in Redis had everybody inside until then, whatever it lists', async (t) => {
    const redis = await requireProgram(t, { names: ['redis-server'], packages: ['redis-server'] })
    if (redis === undefined) return
    const port = await startRedis(t, redis)
    const world = await createWorld(program, port)
    t.after(() => world.stop())
    await holdAgainstTruth(t, world, 'outlives', await killAndReturn(world))
    await hasInferredEnds(world)
  })

  /** Anna comes back, Ben does not. Gives when each record can know that somebody was gone. */
  async function killAndReturn({ people, livekit }: World): Promise<EndOf> {
    const anna = await people.join('anna', 'outlives')
    const ben = await people.join('ben', 'outlives')
    await delay(20_000)
    const atMs = await livekit.kill()
    const end = { from: atMs, to: atMs }
    await ben.kill()
    ben.isGone(end)
    const back = anna.comeBack({ atMs, end })
    await delay(3000)
    await livekit.start()
    await back
    const backMs = Date.now()
    await delay(10_000)
    await anna.leave()
    return ({ start, end }, { by }) => {
      if (end.from !== atMs) return end
      // Nobody reports the kill. It was before they were back, and after the last look, or the last that came of them.
      return { from: by === 'webhooks' ? start.from : atMs - 2 * lookEveryMs, to: backMs }
    }
  }

  /** Whoever was inside when LiveKit was killed has an end that says that nobody saw it. */
  async function hasInferredEnds({ rollcalls }: World): Promise<void> {
    for (const { server, by } of rollcalls) {
      const people = (await listSeen(server)).filter(({ room }) => room === 'outlives').flatMap((one) => one.people)
      const firsts = people.filter(({ id }) => id === 'anna' || id === 'ben').map(({ timelog }) => timelog[0]?.inferred)
      assert.ok(firsts.filter((inferred) => inferred === true).length >= 2, by)
    }
  }
})

describe('a real LiveKit with 50 clients for two minutes', { skip, timeout: 10 * minuteMs }, () => {
  test('has every stay of everybody who comes and goes', async (t) => {
    const world = await createWorld(program)
    t.after(() => world.stop())
    const { people } = world
    const untilMs = Date.now() + 2 * minuteMs
    const rooms = Array.from({ length: 5 }, (_, n) => `load ${n}`)
    const visits = Array.from({ length: 50 }, async (_, n) => {
      const [id, room = ''] = [`client-${n}`, rooms[n % rooms.length]]
      const random = createRandom(n + 1)
      await delay(random() * 10_000)
      while (Date.now() < untilMs) {
        const person = await people.join(id, room, { crowd: `crowd ${n % 10}` })
        await delay(Math.min(2000 + random() * 30_000, Math.max(untilMs - Date.now(), 0)))
        await person.leave()
        await delay(500 + random() * 3000)
      }
    })
    await Promise.all(visits)
    for (const room of rooms) await holdAgainstTruth(t, world, room)
  })
})

/** When somebody was gone, as far as a record can know. */
type EndOf = (stay: TrueStay, rollcall: Rollcall) => Moment

/**
 * Fails where a record does not have each stay of a room, and no other, within a second; it has time to learn of all.
 * @param endOf default: when their client says
 */
async function holdAgainstTruth(
  t: TestContext,
  { people, rollcalls }: World,
  room: string,
  endOf: EndOf = ({ end }) => end,
): Promise<void> {
  const compare = async (rollcall: Rollcall) => {
    const truth = people.truthOf(room).map((stay) => ({ ...stay, end: endOf(stay, rollcall) }))
    return compareStays(await listStays(rollcall, room), truth)
  }
  const list = async () => {
    const found = await Promise.all(rollcalls.map(compare))
    return found.flatMap(({ wrong }, n) => wrong.map((line) => `by ${rollcalls[n]?.by}: ${line}`))
  }
  await seeSoon(list, [], settleMs)
  for (const rollcall of rollcalls) {
    const { stays, startOffMs, endOffMs } = await compare(rollcall)
    t.diagnostic(
      `${room}, by ${rollcall.by}: ${stays} stays; starts off by ${startOffMs} ms at most, ends by ${endOffMs}`,
    )
  }
}

async function hasSessions({ rollcalls }: World, room: string, states: ('ended' | 'ongoing')[]): Promise<void> {
  for (const { server } of rollcalls) {
    const see = async () => {
      const sessions = (await listSeen(server)).filter((session) => session.room === room)
      return sessions.map(({ end }) => (end === null ? 'ongoing' : 'ended'))
    }
    await seeSoon(see, states, settleMs)
  }
}

/** The same numbers from 0 to 1 for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}
