import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Participant, Session } from '@rollcall/protocol'
import { createLargeAnswers, type LargeAnswers } from '../../src/api/paging/large-answers.ts'
import { createSpread, createTurns } from '../../src/runtime/turns.ts'
import { send, startServer, type TestServer } from '../support/start-server.ts'

const people = 50_000
const leftInside = 30
const startAt = Date.UTC(2026, 0, 15, 9)
/**
 * How often `/livez` is answered at least while all people are read, their rows alone, or counted: as a rule a third as often as there
 * are slices. In slices ten times as large it was 52 times at most, and 3.
 */
const livezMin = { read: 80, rows: 30, counted: 10 }

type Page = { pageInfo: { total: number }; data: Session[] }

let server: TestServer
let sessionId: string
let headers: { authorization: string }
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  headers = { authorization: await server.sign() }
  const { keyId } = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
  const of = (n: number) => ({ source: 'events', roomId: 'hall', sessionKey: 's', participantId: `p${n}` })
  const newRooms = ['hall']
  for (let from = 0; from < people; from += 2500) {
    const facts = Array.from({ length: 2500 }, (_, i) => {
      const n = from + i
      const joinedAt = startAt + n * 10
      const common = { ...of(n), id: `f${n}`, receivedAt: startAt + 7_200_000, name: `Person ${n}` }
      if (n >= people - leftInside) return { ...common, type: 'participant-joined' as const, at: joinedAt }
      return { ...common, type: 'participant-left' as const, joinedAt, at: startAt + 3_600_000 + n }
    })
    await server.context.record(keyId, facts as never, { newRooms })
  }
  const { body } = await server.call<Page>('GET', '/v2/sessions?customRoomId=hall')
  sessionId = body.data[0]?.id ?? assert.fail()
})
after(() => server.stop())

const get = <Body>(path: string) => send<Body>(`${server.url}${path}`, 'GET', headers)

/** Asks `/livez` again and again until `asked` is answered. Gives how often it was answered. */
async function countLivez(asked: Promise<unknown>): Promise<number> {
  let isOver = false
  asked.finally(() => {
    isOver = true
  })
  let answered = 0
  for (; !isOver; answered++) assert.equal((await get('/livez')).status, 200)
  return answered
}

describe(`a session of ${people} people`, () => {
  test('is answered whole, and as it is', async () => {
    const { status, headers, text } = await get<Session>(`/v2/sessions/${sessionId}`)
    assert.deepEqual([status, headers['content-length']], [200, String(Buffer.byteLength(text))])
    const session = JSON.parse(text) as Session
    assert.equal(session.participants.length, people)
    assert.equal(new Set(session.participants.map(({ participantId }) => participantId)).size, people)
    const [first] = session.participants
    assert.deepEqual(
      first?.timelog.map(({ start, end }) => [start, end]),
      [['2026-01-15T09:00:00.000Z', '2026-01-15T10:00:00.000Z']],
    )
    assert.deepEqual([session.uniqueParticipants, session.maxJoinedPeersCount], [people, people])
    assert.equal(session.participantsTruncated, undefined)
  })

  const asked: [what: string, of: keyof typeof livezMin, path: () => string, check: (body: never) => void][] = [
    [
      'whole',
      'read',
      () => `/v2/sessions/${sessionId}`,
      ({ participants }: Session) => assert.equal(participants.length, people),
    ],
    [
      'with who is inside',
      'counted',
      () => `/v2/sessions/${sessionId}/participants/active?perPage=20&page=2`,
      ({ pageInfo, data: [session] }: Page) => {
        assert.equal(pageInfo.total, leftInside)
        assert.deepEqual(
          session?.participants.map((one) => one.participantId),
          ids(people - 10, people),
        )
        assert.equal(session?.maxJoinedPeersCount, people)
      },
    ],
    [
      'as attendance',
      'read',
      () => `/v2/sessions/${sessionId}/attendance`,
      ({ data }: { data: object[] }) => assert.equal(data.length, people),
    ],
    [
      'in usage',
      'rows',
      () => '/v2/usage?from=2026-01-15&to=2026-01-16',
      ({ total }: { total: { uniqueParticipants: number } }) => assert.equal(total.uniqueParticipants, people),
    ],
  ]
  for (const [what, of, path, check] of asked) {
    test(`${what}, holds nobody up: others are answered between the slices that it is read in`, async () => {
      const large = get<never>(path())
      const answered = await countLivez(large)
      const { status, body, text } = await large
      assert.equal(status, 200, text.slice(0, 300))
      check(body)
      assert.ok(answered >= livezMin[of], `/livez was answered ${answered} times meanwhile`)
    })
  }

  test('has pages of people, which begin where they should', async () => {
    const { body } = await get<{ pageInfo: object; data: { participants: Participant[] } }>(
      `/v2/sessions/${sessionId}/participants?perPage=10&page=4001`,
    )
    assert.deepEqual(body.pageInfo, { currentPage: 4001, perPage: 10, lastPage: people / 10, total: people })
    assert.deepEqual(
      body.data.participants.map((one) => one.participantId),
      ids(40_000, 40_010),
    )
  })

  test('that nobody changed is added up once: who is inside is a page of people then', async () => {
    const path = `/v2/sessions/${sessionId}/participants/active?perPage=1`
    const first = (await get<Page>(path)).body.data[0]
    const { sessions } = server.context.reads
    const readAll = sessions.people
    sessions.people = () => assert.fail('all of its people were read again')
    const again = (await get<Page>(path)).body.data[0]
    sessions.people = readAll
    assert.equal(again?.maxJoinedPeersCount, first?.maxJoinedPeersCount)
    assert.ok(Number(again?.activeDuration) >= Number(first?.activeDuration))
  })
})

describe('answers that are large, or take long', () => {
  const answer = () => new ServerResponse(new IncomingMessage(new Socket()))
  let asked = 0
  /** Asks for what nobody else asks for. */
  const ask = (answers: LargeAnswers, keyId: number, to = answer()) =>
    answers.share({ keyId, name: [asked++], answer: to }, async () => {})

  test('are two at a time for one key, and others have theirs all the same; the next is made when one is sent', async () => {
    const answers = createLargeAnswers(4, 60_000)
    const own = [answer(), answer(), answer()]
    const begun: string[] = []
    const making = own.map((one, n) => ask(answers, 1, one).then(() => begun.push(`own ${n}`)))
    await Promise.all(making.slice(0, 2))
    await ask(answers, 2).then(() => begun.push('other'))
    assert.deepEqual(begun, ['own 0', 'own 1', 'other'])
    own[0]?.emit('close')
    await making[2]
    assert.equal(begun.at(-1), 'own 2')
  })

  test('wait for so long, and are refused then, or when nobody waits for them any more', async () => {
    const answers = createLargeAnswers(2, 20)
    await ask(answers, 1)
    const busy = { code: 'BUSY' }
    await assert.rejects(ask(answers, 1), busy)
    const gone = answer()
    const waiting = createLargeAnswers(1, 60_000)
    await ask(waiting, 1)
    const asking = ask(waiting, 1, gone)
    gone.emit('close')
    await assert.rejects(asking, busy)
  })

  test('are made once for all who ask for the same meanwhile, in one place, and anew for whoever asks afterwards', async () => {
    const answers = createLargeAnswers(2, 20)
    const readers = Array.from({ length: 5 }, answer)
    const made = Promise.withResolvers<string>()
    let times = 0
    const share = (to: ServerResponse) =>
      answers.share({ keyId: 1, name: ['the same'], answer: to }, () => {
        times += 1
        return made.promise
      })
    const all = readers.map(share)
    made.resolve('pieces')
    assert.deepEqual(await Promise.all(all), Array(5).fill('pieces'))
    assert.equal(times, 1)
    for (const reader of readers) {
      await assert.rejects(ask(answers, 1), { code: 'BUSY' }, 'its place is taken while anybody reads it')
      reader.emit('close')
    }
    await share(answer())
    assert.equal(times, 2)
  })

  test('are given up when the last who asked is gone, and hold their place until then', async () => {
    const answers = createLargeAnswers(2, 60_000)
    const readers = [answer(), answer()]
    const stopped = Promise.withResolvers<void>()
    const all = readers.map((to) =>
      answers.share({ keyId: 1, name: ['the same'], answer: to }, async (signal) => {
        signal.addEventListener('abort', () => stopped.resolve())
        await stopped.promise
        signal.throwIfAborted()
      }),
    )
    const next = ask(answers, 1)
    readers[0]?.emit('close')
    readers[1]?.emit('close')
    await Promise.all(all.map((one) => assert.rejects(one, { code: 'BUSY' })))
    await next
  })
})

describe('slices of long work', () => {
  test('run one in a turn of the event loop, and whoever has some takes turns with the others', async () => {
    const turns = createTurns()
    let turn = 0
    let isOver = false
    const count = () => {
      turn += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const ran: string[] = []
    const ranIn: number[] = []
    const work = async (whose: string, slices: number) => {
      for (let i = 0; i < slices; i++) {
        await turns.next(whose)
        ran.push(whose)
        ranIn.push(turn)
      }
    }
    await Promise.all([work('a', 3), work('a', 3), work('a', 3), work('b', 3)])
    isOver = true
    assert.equal(new Set(ranIn).size, ran.length)
    assert.deepEqual(ran.slice(0, 6), ['a', 'b', 'a', 'b', 'a', 'b'])
    assert.equal(ran.length, 12)
  })
})

describe('what many ask for in one moment', () => {
  test('is begun so much a turn, in the order in which it came', async () => {
    const spread = createSpread(3)
    const begun: number[] = []
    for (let n = 0; n < 7; n++) spread(() => begun.push(n))
    assert.deepEqual(begun, [0, 1, 2])
    await new Promise((resolve) => setImmediate(resolve))
    spread(() => begun.push(7))
    assert.deepEqual(begun, [0, 1, 2, 3, 4, 5])
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6, 7])
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (let n = 8; n < 12; n++) spread(() => begun.push(n))
    assert.deepEqual(begun.slice(8), [8, 9, 10])
  })
})

describe('slices of one’s own long work', () => {
  test('are done in the order in which it began, two together, so that little is half done at a time', async () => {
    const turns = createTurns()
    const ended: string[] = []
    let underWay = 0
    let mostUnderWay = 0
    const work = async (name: string, slices: number) => {
      const self = {}
      for (let i = 0; i < slices; i++) {
        await turns.next('a', self)
        if (i === 0) underWay += 1
        mostUnderWay = Math.max(mostUnderWay, underWay)
      }
      underWay -= 1
      ended.push(name)
    }
    const long = work('long', 100)
    await Promise.all([long, ...Array.from({ length: 20 }, (_, i) => work(`${i}`, 5))])
    assert.equal(mostUnderWay, 2)
    assert.deepEqual(
      ended,
      [...Array.from({ length: 20 }, (_, i) => `${i}`), 'long'],
      'what is short waits for nothing long',
    )
  })
})

function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `p${from + i}`)
}
