import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { atTurnsEnd, onceATurn } from '../src/once-a-turn.ts'
import { shareRoomIds } from '../src/room-ids.ts'
import { startServer, type TestServer } from './start-server.ts'

const nextTurn = () => new Promise(setImmediate)

describe('what many look up in one turn of the loop', () => {
  test('is looked up once, at once, and anew in the next turn', async () => {
    const asked: string[] = []
    const find = onceATurn(async (name) => asked.push(name))
    assert.deepEqual(await Promise.all([find('a'), find('b'), find('a')]), [1, 2, 1])
    await nextTurn()
    assert.equal(await find('a'), 3)
  })

  test('at its end is looked up once, after all of them asked', async () => {
    const steps: string[] = []
    const find = atTurnsEnd(
      (name: string) => name,
      async (name) => steps.push(`look ${name}`),
    )
    const ask = (name: string) => {
      steps.push(`ask ${name}`)
      return find(name)
    }
    await Promise.all([ask('a'), Promise.resolve().then(() => ask('a')), ask('b')])
    assert.deepEqual(steps, ['ask a', 'ask b', 'ask a', 'look a', 'look b'])
    await ask('a')
    assert.equal(steps.at(-1), 'look a')
  })

  test('and cannot be found fails for each who asked, and is looked up again', async () => {
    let fails = true
    const find = atTurnsEnd(
      (name: string) => name,
      async () => {
        if (fails) throw new Error('gone')
        return 'found'
      },
    )
    const [one, two] = await Promise.allSettled([find('a'), find('a')])
    assert.deepEqual([one?.status, two?.status], ['rejected', 'rejected'])
    fails = false
    assert.equal(await find('a'), 'found')
  })
})

describe('a room that many name at once', () => {
  let server: TestServer
  before(async () => {
    server = await startServer()
  })
  after(() => server.stop())

  test('is made once, by one write', async () => {
    const { reads, writes } = server.context
    const { keyId } = (await reads.findKey(server.apiKey)) ?? assert.fail()
    const made: string[][] = []
    const ensureRooms: typeof writes.ensureRooms = (input) => {
      made.push(input.givenIds)
      return writes.ensureRooms(input)
    }
    const requireRoomIds = shareRoomIds({ reads, writes: { ...writes, ensureRooms } })
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) => requireRoomIds(keyId, ['daily', `room ${n % 2}`])),
    )
    assert.deepEqual(made.flat().sort(), ['daily', 'room 0', 'room 1'])
    assert.equal(new Set(all.map((roomIds) => roomIds.get('daily'))).size, 1)
    assert.equal(new Set(all.flatMap((roomIds) => [...roomIds.values()])).size, 3)
  })

  test('and that cannot be made fails for each of them, and is made for the next', async () => {
    const { reads, writes } = server.context
    const { keyId } = (await reads.findKey(server.apiKey)) ?? assert.fail()
    let fails = true
    const ensureRooms: typeof writes.ensureRooms = (input) =>
      fails ? Promise.reject(new Error('no disk')) : writes.ensureRooms(input)
    const requireRoomIds = shareRoomIds({ reads, writes: { ...writes, ensureRooms } })
    const ask = () => requireRoomIds(keyId, ['weekly'])
    for (const { status } of await Promise.allSettled([ask(), ask()])) assert.equal(status, 'rejected')
    fails = false
    assert.match((await ask()).get('weekly') ?? '', /^\w{4}-\w{4}-\w{4}$/)
  })
})
