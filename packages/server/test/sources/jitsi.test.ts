import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SessionPage, Source } from '@rollcall/protocol'
import { addSource, deliver, listSeen } from '../support/senders/source-client.ts'
import { shuffle } from '../support/shuffle.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// Bodies as mod_event_sync_component.lua writes them: times in whole seconds, no ids, an empty list as an empty object.

const start = 1625823996
const secret = 'TOKEN-237958623045'

let server: TestServer
let source: Source
before(async () => {
  // Long after, and yet so that no silence is concluded.
  server = await startServer({}, { clock: { now: () => (start + 300) * 1000 } })
  source = await addSource(server, 'jitsi', { secret })
})
after(() => server.stop())

type Event = { path: string; body: { [name: string]: unknown } }

/** The events of one life of a room, `at` seconds after the start; `createdAt` likewise. */
function createRoom(name: string, createdAt = 0, breakout?: string) {
  const room = {
    room_name: name,
    room_jid: `${name}@conference.meet.example.org`,
    is_breakout: breakout !== undefined,
    ...(breakout !== undefined && { breakout_room_id: breakout }),
  }
  const occupants = new Map<string, { [name: string]: unknown }>()
  const event = (path: string, event_name: string, more: object): Event => ({
    path,
    body: { event_name, ...room, ...structuredClone(more) },
  })
  const created_at = start + createdAt
  return {
    created: () => event('room/created', 'muc-room-created', { created_at }),
    joined(id: string, at: number, more: object = { id, name: id.toUpperCase() }) {
      const occupant = { occupant_jid: `${id}-${at}@meet.example.org/OWhl8jSh`, joined_at: start + at, ...more }
      occupants.set(`${id} ${at}`, occupant)
      return event('occupant/joined', 'muc-occupant-joined', { occupant, active_occupants_count: occupants.size })
    },
    left(id: string, joinedAt: number, at: number) {
      const occupant = { ...occupants.get(`${id} ${joinedAt}`), left_at: start + at }
      occupants.set(`${id} ${joinedAt}`, occupant)
      return event('occupant/left', 'muc-occupant-left', { occupant, active_occupants_count: 0 })
    },
    destroyed(at: number) {
      const all = [...occupants.values()]
      const all_occupants = all.length === 0 ? {} : all
      return event('room/destroyed', 'muc-room-destroyed', { created_at, destroyed_at: start + at, all_occupants })
    },
  }
}

async function send({ path, body }: Event): Promise<(string | undefined)[]> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` }
  const answer = await deliver(`${source.url}/events/${path}`, JSON.stringify(body), headers)
  assert.equal(answer.status, 200, answer.text)
  return answer.body.results.map(({ outcome }) => outcome)
}

async function sendAll(events: Event[]): Promise<void> {
  for (const event of events) await send(event)
}

/** What is seen of a room, in seconds after the start. */
async function see(name: string) {
  const since = (at: number | null) => (at === null ? '' : at / 1000 - start)
  return (await listSeen(server))
    .filter(({ room }) => room === name)
    .map((session) => ({
      session: `${since(session.start)}-${since(session.end)}`,
      people: session.people.map(({ id, timelog }) => [
        id,
        ...timelog.map((entry) => `${since(entry.start)}-${since(entry.end)}`),
      ]),
    }))
}

describe('a Jitsi room', () => {
  test('is recorded from its creation to its end, with everybody who was inside', async () => {
    const room = createRoom('catchup')
    await sendAll([
      room.created(),
      room.joined('james', 0),
      room.joined('anna', 4),
      room.left('james', 0, 39),
      room.joined('james', 45),
      room.left('anna', 4, 50),
      room.left('james', 45, 60),
      room.destroyed(60),
    ])
    assert.deepEqual(await see('catchup'), [
      {
        session: '0-60',
        people: [
          ['james', '0-39', '45-60'],
          ['anna', '4-50'],
        ],
      },
    ])
    const [session] = (await listSeen(server)).filter(({ room }) => room === 'catchup')
    assert.deepEqual([session?.engine, session?.people[0]?.name], ['jitsi', 'JAMES'])
  })

  test('gives the same record in whatever order its events come, each twice', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const room = createRoom(`shuffled ${seed}`)
      const all = [
        room.created(),
        room.joined('james', 1),
        room.joined('anna', 4),
        room.left('james', 1, 39),
        room.joined('james', 45),
        room.left('anna', 4, 50),
        room.left('james', 45, 60),
        room.destroyed(60),
      ]
      // All at once, as Prosody sends them, and as it sends again what was not taken.
      await Promise.all(shuffle([...all, ...all], seed).map(send))
      const people = [
        ['james', '1-39', '45-60'],
        ['anna', '4-50'],
      ]
      assert.deepEqual(await see(`shuffled ${seed}`), [{ session: '0-60', people }], `seed ${seed}`)
    }
  })

  test('is one though its events come at the same moment, as Prosody sends them', async () => {
    for (let n = 0; n < 10; n++) {
      const room = createRoom(`at once ${n}`)
      await Promise.all([room.created(), room.joined('james', 1), room.joined('anna', 2)].map(send))
      const people = [
        ['james', '1-'],
        ['anna', '2-'],
      ]
      assert.deepEqual(await see(`at once ${n}`), [{ session: '0-', people }], `${n}`)
    }
  })

  test('is whole from its end alone', async () => {
    const room = createRoom('lossy')
    const lost = [room.created(), room.joined('james', 0), room.joined('anna', 4), room.left('james', 0, 39)]
    assert.equal(lost.length, 4)
    const left = room.left('anna', 4, 50)
    await send(room.destroyed(50))
    const whole = {
      session: '0-50',
      people: [
        ['james', '0-39'],
        ['anna', '4-50'],
      ],
    }
    assert.deepEqual(await see('lossy'), [whole])
    assert.deepEqual(await send(left), ['duplicate'])
  })

  test('whose creation never comes is recorded all the same', async () => {
    const room = createRoom('never created')
    room.joined('james', 2)
    await Promise.all([room.left('james', 2, 39), room.joined('anna', 1)].map(send))
    const people = [
      ['anna', '1-'],
      ['james', '2-39'],
    ]
    assert.deepEqual(await see('never created'), [{ session: '1-', people }])
  })

  test('whose creation was not heard is one, in whatever order its people and its end come', async () => {
    const orders = [
      [0, 1, 2, 3],
      [1, 0, 2, 3],
      [2, 1, 0, 3],
      [3, 0, 1, 2],
      [0, 2, 3, 1],
      [1, 3, 2, 0],
    ]
    await Promise.all(
      orders.map(async (order, i) => {
        const room = createRoom(`unheard ${i}`)
        room.joined('ben', 110)
        room.joined('carl', 10)
        room.joined('anna', 0)
        const leaves = [room.left('ben', 110, 170), room.left('carl', 10, 20), room.left('anna', 0, 171)]
        const events = [...leaves, room.destroyed(171)]
        for (const n of order) for (const event of events.slice(n, n + 1)) await send(event)
        const people = [
          ['anna', '0-171'],
          ['carl', '10-20'],
          ['ben', '110-170'],
        ]
        assert.deepEqual(await see(`unheard ${i}`), [{ session: '0-171', people }], `in the order ${order}`)
      }),
    )
  })

  test('whose creation was heard is no other’s, in whatever order two creations come', async () => {
    for (const [name, order] of [
      ['twice created', [0, 4]],
      ['twice created, the later first', [4, 0]],
    ] as const) {
      for (const at of order) await send(createRoom(name, at).created())
      const sessions = await see(name)
      assert.deepEqual(
        sessions.map(({ session }) => session.split('-')[0]),
        ['0', '4'],
      )
    }
  })

  test('that nobody ever entered is a session without people', async () => {
    const room = createRoom('empty')
    await sendAll([room.created(), room.destroyed(7)])
    assert.deepEqual(await see('empty'), [{ session: '0-7', people: [] }])
  })

  test('begins anew each time it is created, however soon', async () => {
    const first = createRoom('twice')
    const second = createRoom('twice', 62)
    await sendAll([
      first.created(),
      first.joined('james', 0),
      first.left('james', 0, 60),
      first.destroyed(60),
      second.created(),
      second.joined('james', 62),
    ])
    assert.deepEqual(await see('twice'), [
      { session: '0-60', people: [['james', '0-60']] },
      { session: '62-', people: [['james', '62-']] },
    ])
  })

  test('lets out whoever was inside when Prosody forgot them, once it is created anew', async () => {
    const forgotten = createRoom('restarted')
    await sendAll([forgotten.created(), forgotten.joined('james', 0), forgotten.joined('anna', 5)])
    const anew = createRoom('restarted', 100)
    await sendAll([anew.created(), anew.joined('james', 101)])
    assert.deepEqual(await see('restarted'), [
      {
        session: '0-5',
        people: [
          ['james', '0-5'],
          ['anna', '5-5'],
        ],
      },
      { session: '100-', people: [['james', '101-']] },
    ])
    const [over] = (await listSeen(server)).filter(({ room }) => room === 'restarted')
    assert.equal(over?.people[0]?.timelog[0]?.inferred, true)
  })

  test('goes on while everybody is in breakout rooms, which are rooms of their own', async () => {
    const main = createRoom('class')
    const breakout = createRoom('class', 30, 'd5ec-1f')
    await sendAll([
      main.created(),
      main.joined('james', 0),
      main.left('james', 0, 30),
      breakout.created(),
      breakout.joined('james', 30),
      breakout.left('james', 30, 200),
      breakout.destroyed(200),
      main.joined('james', 200),
    ])
    assert.deepEqual(await see('class'), [{ session: '0-', people: [['james', '0-30', '200-']] }])
    assert.deepEqual(await see('class/d5ec-1f'), [{ session: '30-200', people: [['james', '30-200']] }])
    const { body } = await server.call<SessionPage>('GET', '/v2/sessions?perPage=1000')
    const sessionOf = (room: string) => body.data.find(({ customRoomId }) => customRoomId === room)
    assert.equal(sessionOf('class/d5ec-1f')?.parentSessionId, sessionOf('class')?.id)
  })

  test('takes each connection for a person where no JWT says who they are, and any kind of id that one holds', async () => {
    const room = createRoom('anonymous')
    await sendAll([
      room.created(),
      room.joined('x', 1, {}),
      room.joined('y', 2, { id: 4711, name: null }),
      room.left('x', 1, 9),
    ])
    assert.deepEqual((await see('anonymous'))[0]?.people, [
      ['x-1@meet.example.org/OWhl8jSh', '1-9'],
      ['4711', '2-'],
    ])
  })
})

describe('a Jitsi room whose creation was not heard', () => {
  /** Anna from the creation to the end, which says when that was, and Ben for ten minutes, eighteen after it. */
  function createUnheard(name: string) {
    const room = createRoom(name, -1500)
    const [annaJoined, benJoined] = [room.joined('anna', -1500), room.joined('ben', -400)]
    const [benLeft, annaLeft] = [room.left('ben', -400, 200), room.left('anna', -1500, 205)]
    return { annaJoined, benJoined, benLeft, annaLeft, destroyed: room.destroyed(205), created: room.created() }
  }
  const whole = (session: { session: string; people: unknown[][] } | undefined) => ({
    session: session?.session,
    people: session?.people.map(String).toSorted(),
  })
  const one = { session: '-1500-205', people: ['anna,-1500-205', 'ben,-400-200'] }

  test('is one session, with everybody once, in whatever order its events come', async () => {
    const orders = [
      ['benJoined', 'benLeft', 'destroyed'],
      ['benJoined', 'benLeft', 'annaLeft', 'destroyed'],
      ['benLeft', 'destroyed', 'benJoined', 'annaLeft', 'annaJoined'],
      ['annaLeft', 'benLeft', 'destroyed'],
      ['benJoined', 'created', 'benLeft', 'annaLeft', 'destroyed'],
      ['benLeft', 'annaLeft', 'destroyed', 'created'],
      ['destroyed', 'benLeft', 'benJoined', 'created', 'annaJoined', 'annaLeft'],
    ] as const
    await Promise.all(
      orders.map(async (order, n) => {
        const events = createUnheard(`not heard ${n}`)
        for (const name of order) await send(events[name])
        for (const name of order) await send(events[name])
        const [session, ...more] = await see(`not heard ${n}`)
        assert.deepEqual([whole(session), more], [one, []], order.join(' '))
      }),
    )
  })

  test('is never a life that has a creation of its own, however soon and in whatever order those are heard', async () => {
    const [first, second] = [createRoom('soon again'), createRoom('soon again', 4)]
    await send(second.created())
    await send(first.created())
    await sendAll([second.created(), first.created(), second.joined('ben', 5)])
    assert.deepEqual(await see('soon again'), [
      { session: '0-0', people: [] },
      { session: '4-', people: [['ben', '5-']] },
    ])
    // Known by its people alone first, whose second is that of a later creation.
    const [older, newer] = [createRoom('same second', 96), createRoom('same second', 100)]
    await sendAll([older.joined('anna', 100), older.created(), newer.created(), newer.created()])
    assert.deepEqual(
      (await see('same second')).map(({ session }) => session.split('-')[0]),
      ['96', '100'],
    )
  })
})

describe('two lives of a Jitsi room', () => {
  test('have each their own people, in whatever order their events come, also where one creation is never heard', async () => {
    const orders = Array.from({ length: 40 }, (_, seed) => seed + 1)
    await Promise.all(
      orders.map(async (seed) => {
        const name = `two lives ${seed}`
        const [first, second] = [createRoom(name), createRoom(name, 110)]
        const joins = [first.joined('anna', 1), second.joined('ben', 111)]
        const leaves = [first.left('anna', 1, 99), second.left('ben', 111, 200)]
        const ends = [first.destroyed(100), second.destroyed(210)]
        const creations = seed % 2 === 0 ? [second.created()] : [first.created(), second.created()]
        await sendAll(shuffle([...creations, ...joins, ...leaves, ...ends], seed))
        const expected = [
          { session: '0-100', people: [['anna', '1-99']] },
          { session: '110-210', people: [['ben', '111-200']] },
        ]
        assert.deepEqual(await see(name), expected, `seed ${seed}`)
      }),
    )
  })
})

describe('an occupant of a Jitsi room', () => {
  test('whose join is dated in the far past came when they were told of: nobody else’s session ends', async () => {
    const room = createRoom('far past', 290)
    await sendAll([room.created(), room.joined('anna', 291)])
    const year2010 = Date.UTC(2010, 0, 1) / 1000 - start
    await sendAll([room.joined('ben', year2010), room.left('ben', year2010, 299)])
    const people = [
      ['anna', '291-'],
      ['ben', '300-300'],
    ]
    assert.deepEqual(await see('far past'), [{ session: '290-', people }])
  })

  test('is of the kind that their address says: a recorder, a telephone and a component are no people', async () => {
    const room = createRoom('kinds')
    const of = (jid: string, at: number) => room.joined(jid, at, { occupant_jid: `${jid}/x`, id: jid })
    const jids = [
      ['7b1c@meet.example.org', 'person'],
      ['recorder@recorder.meet.example.org', 'recorder'],
      ['recorder@hidden.meet.example.org', 'recorder'],
      ['jibri1@auth.meet.example.org', 'recorder'],
      ['jigasi@auth.meet.example.org', 'sip'],
      ['transcriber@recorder.meet.example.org', 'agent'],
      ['jvb@auth.meet.example.org', 'agent'],
      ['recorder.fan@meet.example.org', 'person'],
    ] as const
    await sendAll([room.created(), ...jids.map(([jid], at) => of(jid, at))])
    const [session] = (await listSeen(server)).filter((one) => one.room === 'kinds')
    assert.deepEqual(
      session?.people.map(({ id, kind }) => [id, kind]),
      jids.map(([jid, kind]) => [jid, kind]),
    )
  })
})

describe('the name of a Jitsi room', () => {
  test('is shown as people write it, and found by that or as it stands in an address', async () => {
    await sendAll([createRoom('t%c3%a4st').created(), createRoom('100%').created(), createRoom('50%zz').created()])
    assert.deepEqual((await see('täst')).length, 1)
    assert.deepEqual([(await see('100%')).length, (await see('50%zz')).length], [1, 1])
    const { roomId } = (await server.call<{ roomId: string }>('GET', '/v2/rooms/t%25c3%25a4st')).body
    for (const id of ['t%C3%A4st', 't%25c3%25a4st']) {
      const { body } = await server.call<{ roomId: string }>('GET', `/v2/rooms/${id}`)
      assert.equal(body.roomId, roomId, id)
      for (const list of ['sessions?customRoomId', 'sessions?query', 'rooms?query']) {
        const listed = await server.call<{ data: { roomId: string }[] }>('GET', `/v2/${list}=${id}`)
        assert.deepEqual([list, listed.body.data.map((one) => one.roomId)], [list, [roomId]])
      }
    }
  })
})

describe('a Jitsi event', () => {
  test('is taken with the secret of its source alone', async () => {
    const body = JSON.stringify(createRoom('signed').created().body)
    const wrong = ['', 'Bearer', 'Bearer ', `Bearer ${secret}x`, secret, `Basic ${secret}`, 'Bearer undefined']
    for (const authorization of wrong) {
      assert.equal((await deliver(source.url, body, { authorization })).status, 401, authorization)
    }
    assert.equal((await deliver(source.url, body)).status, 401)
    assert.deepEqual(await see('signed'), [])
    assert.equal((await deliver(source.url, body, { authorization: `Bearer ${secret}` })).status, 200)
  })

  test('that lacks what it takes, or is another, is kept as ignored', async () => {
    const room = createRoom('odd')
    const joined = room.joined('james', 0)
    const odd = [
      { event_name: 'muc-room-painted' },
      { ...joined.body, occupant: undefined },
      { ...joined.body, occupant: { occupant_jid: 'x', joined_at: 'soon' } },
      { ...joined.body, event_name: 'muc-occupant-left' },
      { ...room.created().body, room_jid: undefined },
    ]
    for (const body of odd) assert.deepEqual(await send({ path: 'room/created', body }), ['ignored'])
    assert.deepEqual(await see('odd'), [])
  })
})
