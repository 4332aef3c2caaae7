import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import { insideMs } from '../../src/ledger/session.ts'
import { type History, hour, minute, openHistories, reporter, toSecond, toTime } from './history.ts'

const histories = openHistories()
let history: History
beforeEach(async () => {
  history = await histories.begin()
})
after(() => histories.close())

const unnamed = reporter()
const named = reporter({ sessionKey: 's1' })
/** As the log tells what was inferred: see `inferred`. */
const sortedInferred = () => history.inferred().sort()

async function assertSessions(...expected: { session: string; [participantId: string]: string }[]): Promise<void> {
  assert.deepEqual(await history.sessions(), expected)
}

describe('rule 1: twice is once', () => {
  test('a fact that waits for its other half is taken once, too', async () => {
    const leave = named.left('ann', 10)
    assert.deepEqual(await history.record(leave, leave), ['waiting', 'duplicate'])
    assert.deepEqual(await history.record(named.joined('ann', 0), leave), ['recorded', 'duplicate'])
    await assertSessions({ session: '0-', ann: '0-10' })
  })

  test('two sources may give the same id to different facts', async () => {
    const [one, other] = [reporter({ source: 'one' }), reporter({ source: 'other' })]
    const facts = [one.joined('ann', 0, { id: 'f1' }), other.joined('bob', 0, { id: 'f1' })]
    assert.deepEqual(await history.record(...facts), ['recorded', 'recorded'])
  })

  test('the same id with other content is refused, and alters nothing', async () => {
    await history.record(unnamed.joined('ann', 0, { id: 'f1', name: 'Ann' }))
    const before = [await history.records(), await history.changes(), history.log()]
    for (const other of [unnamed.joined('ann', 0, { id: 'f1', name: 'Anna' }), unnamed.left('ann', 5, { id: 'f1' })]) {
      assert.deepEqual(await history.record(other), ['refused'])
    }
    assert.deepEqual([await history.records(), await history.changes(), history.log()], before)
  })

  test('of senders with neither ids nor connections the state judges: a join of somebody inside is a repeat', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.joined('ann', 3), unnamed.joined('ann', 3))
    await history.record(unnamed.left('ann', 10), unnamed.left('ann', 11))
    await assertSessions({ session: '0-', ann: '0-10' })
    const types = (await history.changes()).map((change) => change.type)
    assert.deepEqual(types, ['session.started', 'participant.joined', 'participant.left'])
  })
})

describe('rule 1: twice is once, also after the log was dropped', () => {
  test('a fact that comes again after its claim was dropped is a duplicate, and alters nothing', async () => {
    for (const tells of [named, unnamed, reporter({ source: 'hosted' })]) {
      history = await histories.begin()
      const facts = [
        tells.joined('ann', 0, { connectionId: 'c', name: 'Ann' }),
        tells.joined('bob', 3),
        tells.seen('bob', 5),
        tells.left('ann', 10, { connectionId: 'c', joinedAt: 0 }),
      ]
      await history.record(...facts)
      const before = [await history.sessions(), await history.changes()]
      await history.forget()
      const [old, ...others] = await history.record(...facts, tells.joined('cat', 12))
      assert.deepEqual([old, ...others.splice(0, 3)], ['duplicate', 'duplicate', 'duplicate', 'duplicate'])
      assert.deepEqual(others, ['recorded'])
      assert.deepEqual(await history.record(...facts), ['duplicate', 'duplicate', 'duplicate', 'duplicate'])
      const [[session]] = [await history.sessions(), await history.changes()]
      assert.deepEqual({ ...session, cat: undefined }, { ...(before[0]?.[0] as object), cat: undefined })
    }
  })

  test('whatever opened a session opens no other in its place', async () => {
    const opening = [named.started(0), unnamed.joined('ann', 0)]
    await history.record(...opening, named.ended(10), unnamed.ended(0))
    const before = await history.sessions()
    await history.forget()
    assert.deepEqual(await history.record(...opening), ['duplicate', 'duplicate'])
    assert.deepEqual(await history.sessions(), before)
  })

  test('what a media server sends again of a session that is over moves nothing, though its time cannot be any more', async () => {
    const tells = reporter({ source: 'media-server', sessionKey: 'life' })
    const facts = [
      tells.started(0),
      tells.joined('ann', 1),
      tells.seen('ann', 3),
      tells.seen('ann', 4),
      tells.seen('ann', 5),
      tells.left('ann', 9),
      tells.ended(10),
    ]
    await history.record(...facts)
    const before = [await history.sessions(), await history.records()]
    await history.forget()
    const outcomes = await history.record(...facts.map((fact) => ({ ...fact, receivedAt: toTime(45 * 24 * hour) })))
    assert.deepEqual(outcomes, ['ignored', 'duplicate', 'ignored', 'ignored', 'ignored', 'duplicate', 'ignored'])
    assert.deepEqual([await history.sessions(), await history.records()], before)
  })

  test('one fact that cannot be recorded is refused alone, with the reason', async () => {
    history.break(
      "create trigger broken before insert on marks when new.fact_id = 'bad' begin select raise(abort, 'no'); end",
    )
    try {
      const batch = [named.joined('ann', 0), named.joined('bob', 1, { id: 'bad' }), named.joined('cat', 2)]
      assert.deepEqual(await history.record(...batch), ['recorded', 'refused', 'recorded'])
      assert.match(
        (await history.recordOne(named.joined('bob', 1, { id: 'bad' })))?.reason ?? '',
        /could not be recorded: .*no/,
      )
    } finally {
      history.break('drop trigger broken')
    }
    await assertSessions({ session: '0-', ann: '0-', cat: '2-' })
  })
})

describe('rule 2: named facts give the same record in any order', () => {
  test('a lone leave waits, unseen, until its join comes', async () => {
    assert.deepEqual(await history.record(named.left('ann', 10, { connectionId: 'c' })), ['waiting'])
    await assertSessions()
    assert.equal(await history.count({}), 0)
    assert.deepEqual(await history.changes(), [])
    assert.deepEqual(await history.record(named.joined('ann', 0, { connectionId: 'c' })), ['recorded'])
    await assertSessions({ session: '0-', ann: '0-10' })
  })

  test('a leave that says when the join was makes the whole stay, and the join that comes later changes nothing', async () => {
    await history.record(named.left('ann', 10, { connectionId: 'c', joinedAt: 0 }))
    await assertSessions({ session: '0-', ann: '0-10' })
    const before = (await history.records()).map(({ session }) => session.revision)
    await history.record(named.joined('ann', 0, { connectionId: 'c' }))
    await assertSessions({ session: '0-', ann: '0-10' })
    assert.deepEqual(
      (await history.records()).map(({ session }) => session.revision),
      before,
    )
  })

  test('name, kind and metadata are the latest by the facts’ time, then id, whichever came last', async () => {
    await history.record(
      named.joined('ann', 20, { id: 'b', name: 'last', kind: 'agent', metadata: 2 }),
      named.joined('ann', 20, { id: 'a', name: 'same moment, lesser id', kind: 'sip', metadata: 1 }),
      named.joined('ann', 0, { id: 'c', name: 'first', metadata: 3 }),
      named.left('ann', 30),
    )
    const [ann] = (await history.records())[0]?.participants ?? []
    assert.deepEqual([ann?.name, ann?.kind, ann?.metadata], ['last', 'agent', 2])
  })

  test('the start is the earliest evidence, whenever it comes; the id is given at first sight and never changes', async () => {
    await history.record(named.joined('ann', 50))
    const [first] = await history.records()
    await history.record(named.joined('bob', 30), named.started(10), named.left('cat', 40, { joinedAt: 20 }))
    const [now] = await history.records()
    assert.equal(toSecond(now?.session.startAt ?? 0), 10)
    assert.equal(now?.session.id, first?.session.id)
  })

  test('named sessions of one room run side by side', async () => {
    const other = reporter({ sessionKey: 's2' })
    await history.record(named.joined('ann', 0), other.joined('ann', 5), other.joined('bob', 6))
    await history.record(named.left('ann', 10), other.ended(20))
    await assertSessions(
      { session: '0-', ann: '0-10' },
      { session: '5-20 session-ended', ann: '5-20 session-ended', bob: '6-20 session-ended' },
    )
  })
})

describe('rule 2: a session that was guessed', () => {
  const [g1, g2] = [reporter({ sessionKey: 'g1' }), reporter({ sessionKey: 'g2' })]
  const absorbing = (...absorbs: string[]) => ({ ...named.started(0), absorbs }) as Fact

  test('is absorbed by the one it turns out to be, with everybody who was in it; nothing is left of it', async () => {
    await history.record(g1.left('ben', 1700, { joinedAt: 1100 }), g2.joined('carl', 100, { name: 'Carl' }))
    await history.record(g2.left('carl', 200), g2.seen('dan', 150))
    await history.record(named.left('anna', 1705, { joinedAt: 0 }), absorbing('g1', 'g2', 'g3'), named.ended(1705))
    await assertSessions({
      session: '0-1705 session-ended',
      anna: '0-1705',
      carl: '100-200',
      dan: '150-1705 session-ended',
      ben: '1100-1700',
    })
    assert.equal(
      (await history.records())[0]?.participants.find(({ participantId }) => participantId === 'carl')?.name,
      'Carl',
    )
    assert.equal(await history.count({}), 1)
    assert.deepEqual(await history.record(absorbing('g1')), ['recorded'])
    assert.equal(await history.count({}), 1)
  })
})

describe('rule 2: a session that was not known yet', () => {
  test('takes whoever joined at its time from another life of the room, which keeps the others and tells of them no second time', async () => {
    const earlier = reporter({ sessionKey: 'earlier' })
    const taking = { ...named.started(100), takes: [{ sessionKey: 'earlier', since: toTime(100) }] } as Fact
    await history.record(
      earlier.started(0),
      earlier.joined('anna', 1, { connectionId: 'a', name: 'Anna' }),
      earlier.left('anna', 50, { connectionId: 'a', joinedAt: 1 }),
      earlier.joined('ben', 60),
      earlier.ended(90),
      earlier.left('carl', 150, { connectionId: 'c', joinedAt: 110 }),
      earlier.joined('anna', 120, { connectionId: 'a2' }),
    )
    const told = (await history.changes()).length
    assert.deepEqual(await history.record(taking, named.ended(200)), ['recorded', 'recorded'])
    await assertSessions(
      { session: '0-90 session-ended', anna: '1-50', ben: '60-90 session-ended' },
      { session: '100-200 session-ended', carl: '110-150', anna: '120-200 session-ended' },
    )
    const [{ id } = { id: '' }] = (await history.records()).map(({ session }) => session)
    const since = (await history.changes()).slice(told)
    assert.deepEqual(
      since.filter(({ sessionId }) => sessionId === id).map(({ type }) => type),
      ['session.amended'],
    )
    assert.deepEqual(
      since.flatMap(({ type, participantId }) => (type === 'participant.joined' ? participantId : [])),
      ['anna', 'carl'],
    )
  })
})

describe('rule 3: a late leave touches its own stay only', () => {
  test('an old leave cannot erase a rejoin', async () => {
    await history.record(
      unnamed.joined('ann', 0, { connectionId: 'old' }),
      unnamed.joined('ann', 12, { connectionId: 'new' }),
      unnamed.left('ann', 30, { connectionId: 'old', reason: 'timed-out' }),
    )
    await assertSessions({ session: '0-', ann: '0-' })
    await history.record(unnamed.left('ann', 40, { connectionId: 'new', reason: 'left' }))
    await assertSessions({ session: '0-', ann: '0-40 left' })
  })

  test('of a person with two devices one leaving leaves the other inside', async () => {
    await history.record(
      named.joined('ann', 0, { connectionId: 'phone' }),
      named.joined('ann', 5, { connectionId: 'desk' }),
      named.left('ann', 10, { connectionId: 'phone' }),
    )
    await assertSessions({ session: '0-', ann: '0-' })
  })

  test('without connections a person has one: two joins and one leave are one stay, and a second leave changes nothing', async () => {
    await history.record(named.joined('ann', 0), named.joined('ann', 4), named.left('ann', 10, { reason: 'left' }))
    await assertSessions({ session: '0-', ann: '0-10 left' })
    await history.record(named.left('ann', 15, { reason: 'again' }))
    await assertSessions({ session: '0-', ann: '0-10 left' })
  })

  test('without connections a late leave closes what was open at its time, and the rejoin stays', async () => {
    await history.record(named.joined('ann', 0), named.joined('ann', 12), named.left('ann', 10))
    await assertSessions({ session: '0-', ann: '0-10, 12-' })
  })

  test('a gap of a millisecond is two entries; stays that touch are one', async () => {
    await history.record(
      named.left('ann', 10, { connectionId: 'a', joinedAt: 0 }),
      named.left('ann', 20, { connectionId: 'b', joinedAt: 10 }),
      named.left('ann', 30, { connectionId: 'c', joinedAt: 20.001 }),
    )
    await assertSessions({ session: '0-', ann: '0-20, 20.001-30' })
  })
})

describe('rule 3: what happens in one moment is balanced', () => {
  test('as many leaves as joins leave nobody inside', async () => {
    await history.record(named.joined('ann', 0), named.left('ann', 100), named.joined('ann', 100))
    await history.record(named.left('ann', 100), named.ended(3600))
    await assertSessions({ session: '0-3600 session-ended', ann: '0-100' })
  })

  test('whoever was inside went and came back, whoever was outside came and went', async () => {
    await history.record(named.joined('ann', 0), named.left('ann', 10), named.joined('ann', 10))
    await history.record(named.left('bob', 10), named.joined('bob', 10))
    await assertSessions({ session: '0-', ann: '0-', bob: '10-10' })
  })

  test('a leave that says when its join was pairs with that join, of a connection and of a person without one', async () => {
    for (const connectionId of ['c', undefined]) {
      history = await histories.begin()
      const of = connectionId === undefined ? {} : { connectionId }
      await history.record(
        named.left('ann', 30, { joinedAt: 1, ...of }),
        named.left('ann', 30, { joinedAt: 30, ...of }),
        named.left('ann', 250, { joinedAt: 200, ...of }),
      )
      await history.record(named.joined('ann', 30, of))
      await assertSessions({ session: '1-', ann: '1-30, 200-250' })
    }
  })

  test('of a person who is inside twice, without connections, the leave of one join leaves the other inside', async () => {
    await history.record(named.joined('ann', 0), named.joined('ann', 5), named.left('ann', 10, { joinedAt: 0 }))
    await assertSessions({ session: '0-', ann: '0-' })
    await history.record(named.left('ann', 20, { joinedAt: 5 }))
    await assertSessions({ session: '0-', ann: '0-20' })
  })

  test('a clock of whole seconds dates a join up to a second before another: it is the same join', async () => {
    await history.record(named.joined('ann', 0.7), named.left('ann', 10, { joinedAt: 0 }))
    await assertSessions({ session: '0-', ann: '0-10' })
  })
})

describe('rule 4: unnamed facts go to the session whose time covers theirs', () => {
  test('whoever comes back within the grace goes on with the session, a millisecond later begins another', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await history.record(unnamed.joined('ann', 30), unnamed.left('ann', 40))
    await history.record(unnamed.joined('ann', 60.001))
    await assertSessions({ session: '0-40 empty?', ann: '0-10, 30-40' }, { session: '60.001-', ann: '60.001-' })
  })

  test('it ends at the last leave, not at the look that found it over', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await history.lookAt(hour)
    await assertSessions({ session: '0-10 empty?', ann: '0-10' })
  })

  test('the grace goes by the facts’ times, whenever they come: a session that was taken to be over goes on', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await history.lookAt(hour)
    await history.record(unnamed.joined('bob', 29, { receivedAt: hour }))
    await assertSessions({ session: '0-', ann: '0-10', bob: '29-' })
    await history.record(unnamed.left('bob', 35, { receivedAt: hour }))
    await history.lookAt(hour)
    await assertSessions({ session: '0-35 empty?', ann: '0-10', bob: '29-35' })
  })

  test('a late join that bridges two sessions lengthens the first, and never merges them', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await history.record(unnamed.joined('bob', 40), unnamed.left('bob', 50))
    const ids = (await history.records()).map(({ session }) => session.id)
    await history.record(unnamed.left('cat', 35, { joinedAt: 25 }))
    await history.lookAt(hour)
    await assertSessions(
      { session: '0-35 superseded?', ann: '0-10', cat: '25-35' },
      { session: '40-50 empty?', bob: '40-50' },
    )
    assert.deepEqual(
      (await history.records()).map(({ session }) => session.id),
      ids,
    )
  })

  test('a late join that stays open in a session that a newer one followed ends with it', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10), unnamed.joined('bob', 40))
    await history.record(unnamed.joined('cat', 25))
    await assertSessions(
      { session: '0-25 superseded?', ann: '0-10', cat: '25-25 session-ended?' },
      { session: '40-', bob: '40-' },
    )
  })

  test('a late join shortly before a session’s start is its start', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10), unnamed.joined('bob', 60))
    await history.record(unnamed.joined('cat', 40))
    await assertSessions({ session: '0-10 empty?', ann: '0-10' }, { session: '40-', cat: '40-', bob: '60-' })
  })

  test('a late join before every session has one of its own, which is over', async () => {
    await history.record(unnamed.joined('bob', 60))
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await assertSessions({ session: '0-10 superseded?', ann: '0-10' }, { session: '60-', bob: '60-' })
  })

  test('a late fact that leaves a gap never splits a session', async () => {
    const hosted = reporter({ source: 'hosted' })
    await history.record(
      hosted.joined('ann', 0, { connectionId: 'a' }),
      hosted.joined('bob', 50, { connectionId: 'b' }),
    )
    await history.record(hosted.left('ann', 5, { connectionId: 'a', inferred: 'connection-silent' }))
    await history.record(hosted.left('bob', 60, { connectionId: 'b' }))
    await history.lookAt(hour)
    await assertSessions({ session: '0-60 empty?', ann: '0-5 connection-silent?', bob: '50-60' })
  })

  test('after a reported end there is no grace: whoever joins then begins another session', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.ended(10), unnamed.joined('bob', 10))
    await assertSessions({ session: '0-10 session-ended', ann: '0-10 session-ended' }, { session: '10-', bob: '10-' })
  })

  test('two sources tell of two sessions in one room', async () => {
    const other = reporter({ source: 'other' })
    await history.record(unnamed.joined('ann', 0), other.joined('ann', 1), other.left('ann', 5))
    await assertSessions({ session: '0-', ann: '0-' }, { session: '1-', ann: '1-5' })
  })

  test('a snapshot of an empty room is no evidence that anything runs in it', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await history.record(unnamed.snapshot(15, []), unnamed.snapshot(29, []))
    await history.lookAt(30)
    await assertSessions({ session: '0-10 empty?', ann: '0-10' })
  })

  test('whoever a snapshot finds is in the session that runs, also if they joined before it began', async () => {
    await history.record(unnamed.joined('bob', 60))
    const present = ['bob', { participantId: 'ann', joinedAt: 5 }]
    await history.record(unnamed.snapshot(70, present), unnamed.snapshot(80, present))
    await assertSessions({ session: '60-', ann: '60-', bob: '60-' })
  })

  test('a snapshot of a room that nothing was known of makes one session of all who are there', async () => {
    const present = [
      { participantId: 'bob', joinedAt: 90 },
      { participantId: 'ann', joinedAt: 0 },
    ]
    await history.record(unnamed.snapshot(100, present))
    await assertSessions({ session: '0-', ann: '0-', bob: '90-' })
  })
})

describe('rule 5: the end closes everything', () => {
  test('each open stay gets the session’s end and its reason', async () => {
    await history.record(named.joined('ann', 0), named.joined('bob', 5), named.left('bob', 8, { reason: 'left' }))
    await history.record(named.ended(20))
    await assertSessions({ session: '0-20 session-ended', ann: '0-20 session-ended', bob: '5-8 left' })
    const told = (await history.changes()).slice(-2).map(({ type, participantId }) => [type, participantId])
    assert.deepEqual(told, [
      ['participant.left', 'ann'],
      ['session.ended', undefined],
    ])
  })

  test('a leave that is reported after the end moves it', async () => {
    await history.record(named.joined('ann', 0), named.joined('bob', 5), named.ended(20))
    await history.record(named.left('bob', 30, { reason: 'left' }))
    await assertSessions({ session: '0-30 session-ended', ann: '0-20 session-ended', bob: '5-30 left' })
  })

  test('a leave that is reported after the end moves the stay of nobody else, whichever came first', async () => {
    const facts = [
      ...['ann', 'bob', 'cat'].map((who) => named.joined(who, 5)),
      named.ended(100),
      named.left('ann', 700, { reason: 'left' }),
      named.ended(90),
    ]
    for (const told of [facts, facts.toReversed()]) {
      history = await histories.begin()
      await history.record(...told)
      const [b, c] = ['5-100 session-ended', '5-100 session-ended']
      await assertSessions({ session: '5-700 session-ended', ann: '5-700 left', bob: b, cat: c })
      const [{ session } = { session: undefined }] = await history.records()
      assert.equal(session && insideMs(session, 0), (695 + 95 + 95) * 1000)
    }
  })

  describe('a leave that nobody says the time of', () => {
    const isUndated = true
    const facts = [
      named.joined('ann', 0),
      named.joined('bob', 0),
      named.left('ann', 16, { reason: 'left', isUndated }),
      named.left('bob', 9, { reason: 'left', isUndated }),
      named.ended(10),
    ]

    test('was at the latest at the end that was told, in any order', async () => {
      for (const [i] of facts.entries()) {
        for (const told of [facts, facts.toReversed()]) {
          history = await histories.begin()
          for (const fact of [...told.slice(i), ...told.slice(0, i)]) await history.record(fact)
          await assertSessions({ session: '0-10 session-ended', ann: '0-10 left', bob: '0-9 left' })
        }
      }
    })

    test('is dated anew by a later end, and no later than it came', async () => {
      await history.record(...facts, named.ended(12))
      await assertSessions({ session: '0-12 session-ended', ann: '0-12 left', bob: '0-9 left' })
      await history.record(named.ended(20))
      await assertSessions({ session: '0-20 session-ended', ann: '0-16 left', bob: '0-9 left' })
    })

    test('is announced again with the time that an end gives it', async () => {
      await history.record(...facts.slice(0, -1))
      const told = (await history.changes()).length
      await history.record(named.ended(10))
      const since = (await history.changes()).slice(told)
      assert.deepEqual(
        since.map(({ type, participantId = '', at }) => [type, participantId, toSecond(at)]),
        [
          ['participant.left', 'ann', 10],
          ['session.ended', '', 10],
        ],
      )
    })

    test('is also one whose time cannot be', async () => {
      const live = reporter({ source: 'videosdk-1', sessionKey: 's1' })
      const leave = live.left('ann', 10 * hour, { receivedAt: 106 })
      await history.record(live.joined('ann', 0), leave, live.ended(100, { receivedAt: 107 }))
      await assertSessions({ session: '0-100 session-ended', ann: '0-100' })
    })

    test('is told apart from one whose own time is that of its arrival', async () => {
      const server = reporter({ source: 'media-server', sessionKey: 's1' })
      await history.record(server.joined('ann', 0), server.ended(10), server.left('ann', 16, { reason: 'left' }))
      await assertSessions({ session: '0-16 session-ended', ann: '0-16 left' })
    })
  })

  test('evidence of somebody after the end keeps them inside until then, and nobody else', async () => {
    await history.record(named.joined('ann', 0), named.joined('bob', 0), named.ended(20), named.seen('bob', 30))
    await assertSessions({ session: '0-30 session-ended', ann: '0-20 session-ended', bob: '0-30 session-ended' })
    await history.record(named.snapshot(40, ['bob']))
    await assertSessions({ session: '0-40 session-ended', ann: '0-20 session-ended', bob: '0-40 session-ended' })
  })

  test('each leave that the end of the session changes is announced again, with its time', async () => {
    await history.record(named.joined('ann', 0), named.joined('bob', 0), named.ended(20))
    const told = (await history.changes()).length
    await history.record(named.ended(50))
    await history.record(named.left('bob', 70, { reason: 'left' }))
    assert.deepEqual(
      (await history.changes())
        .slice(told)
        .map(({ type, participantId = '', at }) => [type, participantId, toSecond(at)]),
      [
        ['session.amended', '', 50],
        ['participant.left', 'ann', 50],
        ['participant.left', 'bob', 50],
        ['session.amended', 'bob', 70],
        ['participant.left', 'bob', 70],
      ],
    )
  })

  test('whoever was inside when an inferred end is withdrawn is announced as inside again', async () => {
    const newer = reporter({ sessionKey: 's2' })
    await history.record(named.joined('ann', 0), named.joined('bob', 5), newer.started(60))
    await history.record(named.ended(60, { inferred: 'superseded' }))
    const told = (await history.changes()).length
    await history.record(named.left('ann', 70, { reason: 'left' }))
    assert.deepEqual(
      (await history.changes())
        .slice(told)
        .map(({ type, participantId = '', at }) => [type, participantId, toSecond(at)]),
      [
        ['session.amended', 'ann', 70],
        ['participant.left', 'ann', 70],
        ['participant.joined', 'bob', 5],
      ],
    )
  })

  test('of two ends the later counts, whichever came first', async () => {
    await history.record(
      named.joined('ann', 0),
      named.ended(20, { reason: 'later' }),
      named.ended(10, { reason: 'sooner' }),
    )
    await assertSessions({ session: '0-20 later', ann: '0-20 session-ended' })
  })

  test('a reported end is not provisional: a join from before it leaves it ended', async () => {
    await history.record(named.joined('ann', 0), named.ended(20), named.joined('bob', 15))
    await assertSessions({ session: '0-20 session-ended', ann: '0-20 session-ended', bob: '15-20 session-ended' })
  })
})

describe('rule 6: stays lie inside their session, and end after they begin', () => {
  test('a leave dated before its own join ends the stay where it began; what was said stays in the log', async () => {
    const leave = named.left('ann', 10, { connectionId: 'c' })
    const whole = named.left('bob', 10, { joinedAt: 10.5 })
    await history.record(named.joined('ann', 10.5, { connectionId: 'c' }), leave, whole)
    await assertSessions({ session: '10.5-', ann: '10.5-10.5', bob: '10.5-10.5' })
    const said = history.log().map(({ said }) => said)
    for (const { receivedAt: _, ...fact } of [leave, whole])
      assert.deepEqual(
        said.find(({ id }) => id === fact.id),
        fact,
      )
  })

  test('an end dated before people’s facts is moved to the last of them', async () => {
    await history.record(named.joined('ann', 10), named.ended(5))
    await assertSessions({ session: '10-10 session-ended', ann: '10-10 session-ended' })
    await history.record(named.left('ann', 30))
    await assertSessions({ session: '10-30 session-ended', ann: '10-30' })
  })

  test('a stay from before the start moves the start', async () => {
    await history.record(named.started(20), named.left('ann', 15, { joinedAt: 5 }))
    await assertSessions({ session: '5-', ann: '5-15' })
  })
})

describe('rule 7: nobody stays for ever, nobody is dropped alive', () => {
  describe('a connection that fell silent', () => {
    const hosted = reporter({ source: 'hosted' })

    test('ends at its last evidence, marked with the cause', async () => {
      await history.record(hosted.joined('ann', 0, { connectionId: 'c' }))
      await history.record(hosted.left('ann', 12, { connectionId: 'c', inferred: 'connection-silent', receivedAt: 42 }))
      await assertSessions({ session: '0-', ann: '0-12 connection-silent?' })
      assert.deepEqual(history.inferred(), ['ann left 12 connection-silent'])
    })

    test('is not ended where it gave evidence after that', async () => {
      await history.record(
        hosted.joined('ann', 0, { connectionId: 'c' }),
        hosted.joined('ann', 15, { connectionId: 'c' }),
      )
      const leave = hosted.left('ann', 12, { connectionId: 'c', inferred: 'connection-silent' })
      assert.deepEqual(await history.record(leave), ['ignored'])
      await assertSessions({ session: '0-', ann: '0-' })
    })
  })

  describe('whatever comes of a person', () => {
    test('is evidence that they were there then: an inferred end is dated at the last of it', async () => {
      await history.record(
        named.joined('ann', 0, { connectionId: 'a' }),
        reporter({ sessionKey: 's2' }).started(4 * hour),
      )
      for (const at of [1, 3, 2]) await history.record(named.seen('ann', at * hour, { connectionId: 'a' }))
      await history.record(named.ended(3 * hour, { inferred: 'superseded', receivedAt: 4 * hour }))
      assert.deepEqual((await history.sessions())[0], {
        session: '0-10800 superseded?',
        ann: '0-10800 session-ended?',
      })
    })

    test('costs no more than two marks a quarter of an hour and connection, in any order', async () => {
      const seconds = [...Array(120).keys()].map((i) => (i * 37) % 1800)
      await history.record(named.joined('ann', 0, { connectionId: 'a' }))
      for (const at of seconds) await history.record(named.seen('ann', at, { connectionId: 'a', name: 'Ann' }))
      const [{ marks } = { marks: [] }] = await history.records()
      assert.deepEqual(
        marks
          .filter(({ kind }) => kind === 'seen')
          .map(({ at }) => toSecond(at))
          .sort((a, b) => a - b),
        [0, 899, 900, 1799].map((at) => nearest(at)),
      )
      await history.lookAt(26 * hour)
      await assertSessions({ session: `0-${nearest(1799)} source-silent?`, ann: `0-${nearest(1799)} source-silent?` })

      function nearest(at: number): number {
        const inQuarter = seconds.filter((second) => Math.floor(second / 900) === Math.floor(at / 900))
        return at % 900 === 0 ? Math.min(...inQuarter) : Math.max(...inQuarter)
      }
    })

    test('opens a stay where their join was missed', async () => {
      await history.record(named.seen('ann', 5, { name: 'Ann' }), named.left('ann', 9))
      await assertSessions({ session: '5-', ann: '5-9' })
    })

    test('within ten seconds after their leave was on its way, and later is a join that nobody told', async () => {
      await history.record(named.joined('ann', 0), named.left('ann', 5), named.seen('ann', 15))
      await assertSessions({ session: '0-', ann: '0-5' })
      await history.record(named.seen('ann', 15.001))
      await assertSessions({ session: '0-', ann: '0-5, 15.001-' })
    })

    test('by a clock of whole seconds moves no stay whose join is told exactly', async () => {
      await history.record(named.started(0), named.seen('ann', 5), named.joined('ann', 5.6))
      await assertSessions({ session: '0-', ann: '5.6-' })
    })
  })

  describe('absence from snapshots', () => {
    test('once is none; twice in a row is a leave at the last evidence, which is a fact in the log', async () => {
      await history.record(named.snapshot(10, ['ann', 'bob']), named.snapshot(20, ['bob']))
      await assertSessions({ session: '10-', ann: '10-', bob: '10-' })
      assert.deepEqual(history.inferred(), [])
      await history.record(named.snapshot(30, ['bob']))
      await assertSessions({ session: '10-', ann: '10-10 absent?', bob: '10-' })
      assert.deepEqual(history.inferred(), ['ann left 10 absent'])
    })

    test('is dated at the last snapshot that showed them', async () => {
      await history.record(named.joined('ann', 0), named.joined('bob', 0), named.snapshot(10, ['ann', 'bob']))
      await history.record(named.snapshot(20, ['ann', 'bob']), named.snapshot(30, ['bob']), named.snapshot(40, ['bob']))
      await assertSessions({ session: '0-', ann: '0-20 absent?', bob: '0-' })
    })

    test('counts from the start again where a snapshot in between showed them', async () => {
      await history.record(named.snapshot(10, ['ann', 'bob']), named.snapshot(20, ['bob']))
      await history.record(named.snapshot(30, ['ann', 'bob']), named.snapshot(40, ['bob']))
      await assertSessions({ session: '10-', ann: '10-', bob: '10-' })
    })

    test('is withdrawn by a snapshot that shows them again', async () => {
      await history.record(named.snapshot(10, ['ann', 'bob']), named.snapshot(20, ['bob']), named.snapshot(30, ['bob']))
      await history.record(named.snapshot(40, ['ann', 'bob']))
      await assertSessions({ session: '10-', ann: '10-', bob: '10-' })
    })

    test('gives way to the leave that is reported', async () => {
      await history.record(named.snapshot(10, ['ann', 'bob']), named.snapshot(20, ['bob']), named.snapshot(30, ['bob']))
      await history.record(named.left('ann', 14, { reason: 'left' }))
      await assertSessions({ session: '10-', ann: '10-14 left', bob: '10-' })
    })

    test('an older snapshot that comes late tells nothing of it, nor one from before their last evidence', async () => {
      await history.record(named.joined('ann', 0), named.snapshot(30, ['ann']))
      await history.record(named.snapshot(10, []), named.snapshot(20, []))
      await history.record(named.joined('ann', 60), named.snapshot(40, []), named.snapshot(50, []))
      await assertSessions({ session: '0-', ann: '0-' })
    })

    test('evidence between the snapshots makes nobody immortal, whether it comes before or after the one without them', async () => {
      await history.record(named.snapshot(10, ['ann', 'bob', 'cat']), named.joined('ann', 15))
      await history.record(named.snapshot(20, ['bob']), named.joined('cat', 16), named.snapshot(30, ['bob']))
      await assertSessions({ session: '10-', ann: '10-15 absent?', bob: '10-', cat: '10-16 absent?' })
    })

    test('a name and a kind that it gives count like any that are told later', async () => {
      const nameOf = async () => (await history.records())[0]?.participants.map(({ name, kind }) => [name, kind])
      await history.record(named.joined('ann', 0, { connectionId: 'c', name: 'Ann' }), named.joined('bob', 0))
      await history.record(
        named.snapshot(10, [{ participantId: 'ann', connectionId: 'c', name: 'Anna', kind: 'agent' }, 'bob']),
      )
      assert.deepEqual(await nameOf(), [
        ['Anna', 'agent'],
        ['', 'person'],
      ])
      await history.record(named.joined('ann', 5, { connectionId: 'c', name: 'Annie' }))
      assert.deepEqual(await nameOf(), [
        ['Anna', 'agent'],
        ['', 'person'],
      ])
      await history.record(named.joined('ann', 15, { connectionId: 'c', name: 'Annie' }))
      assert.deepEqual(await nameOf(), [
        ['Annie', 'agent'],
        ['', 'person'],
      ])
    })

    test('whoever joined unseen is found, from when the snapshot says they joined', async () => {
      await history.record(named.joined('ann', 0), named.left('ann', 5))
      const present = [
        { participantId: 'bob', joinedAt: 12 },
        { participantId: 'ann', joinedAt: 0 },
      ]
      await history.record(named.snapshot(20, present))
      await assertSessions({ session: '0-', ann: '0-5, 20-', bob: '12-' })
    })
  })

  describe('a source that restarted', () => {
    test('had forgotten whoever was inside: they left at the last evidence, as facts in the log', async () => {
      await history.record(
        named.joined('ann', 0, { connectionId: 'a1' }),
        named.joined('ann', 2, { connectionId: 'a2' }),
        named.joined('bob', 5),
        named.left('bob', 8, { reason: 'left' }),
      )
      await history.record(named.restarted(100))
      await assertSessions({ session: '0-', ann: '0-8 source-restarted?', bob: '5-8 left' })
      assert.deepEqual(history.inferred(), ['ann left 8 source-restarted', 'ann left 8 source-restarted'])
    })

    test('touches no other source, and nobody who was seen after it', async () => {
      const other = reporter({ source: 'other', sessionKey: 's1' })
      await history.record(named.joined('ann', 0), other.joined('bob', 1))
      await history.record(named.joined('cat', 50), named.joined('cat', 105), named.joined('dan', 103))
      await history.record(named.restarted(100))
      await assertSessions(
        { session: '0-', ann: '0-50 source-restarted?', cat: '50-', dan: '103-' },
        { session: '1-', bob: '1-' },
      )
    })

    test('starts the grace anew: whoever returns within it goes on with the session, with one more entry', async () => {
      await history.record(unnamed.joined('ann', 0, { connectionId: 'a' }), unnamed.restarted(100))
      await history.lookAt(119.999)
      await history.record(unnamed.joined('ann', 120, { connectionId: 'b' }))
      await assertSessions({ session: '0-', ann: '0-0 source-restarted?, 120-' })
    })

    test('ends an unnamed session at its last evidence where nobody returns', async () => {
      await history.record(unnamed.joined('ann', 0), unnamed.joined('bob', 7), unnamed.restarted(100))
      await history.lookAt(120)
      await assertSessions({ session: '0-7 empty?', ann: '0-7 source-restarted?', bob: '7-7 source-restarted?' })
    })

    test('and shows somebody in a snapshot: they came back when it says they joined, else they were there all the time', async () => {
      await history.record(named.joined('ann', 0), named.joined('bob', 0), named.restarted(100))
      await history.record(named.snapshot(120, [{ participantId: 'ann', joinedAt: 110 }, 'bob']))
      await assertSessions({ session: '0-', ann: '0-0 source-restarted?, 110-', bob: '0-' })
    })

    test('gives way to the leave that is reported late', async () => {
      await history.record(named.joined('ann', 0), named.restarted(100), named.left('ann', 60, { reason: 'left' }))
      await assertSessions({ session: '0-', ann: '0-60 left' })
    })
  })

  describe('a named session that is empty', () => {
    test('is over since its last evidence when it was silent for ten minutes, not a millisecond before', async () => {
      await history.record(named.joined('ann', 0), named.left('ann', 10))
      await history.lookAt(10 + 10 * minute - 0.001)
      await assertSessions({ session: '0-', ann: '0-10' })
      await history.lookAt(10 + 10 * minute)
      await assertSessions({ session: '0-10 silent?', ann: '0-10' })
      assert.deepEqual(history.inferred(), ['room ended 10 silent'])
    })

    test('goes on when somebody joins after all, however late', async () => {
      await history.record(named.joined('ann', 0), named.left('ann', 10))
      await history.lookAt(hour)
      await history.record(named.joined('bob', 2 * hour))
      await assertSessions({ session: '0-', ann: '0-10', bob: '7200-' })
    })

    test('goes on when its source says that it started, or shows it in a snapshot', async () => {
      for (const evidence of [named.started(hour), named.snapshot(hour, [])]) {
        history = await histories.begin()
        await history.record(named.joined('ann', 0), named.left('ann', 10))
        await history.lookAt(hour)
        await history.record(evidence)
        await assertSessions({ session: '0-', ann: '0-10' })
        await history.lookAt(2 * hour)
        await assertSessions({ session: '0-3600 silent?', ann: '0-10' })
      }
    })

    test('with anybody inside is not over, however silent', async () => {
      await history.record(named.joined('ann', 0))
      await history.lookAt(23 * hour)
      await assertSessions({ session: '0-', ann: '0-' })
    })
  })

  describe('a session of which nothing comes for 24 hours', () => {
    // Its place among those to be reviewed moves by whole hours.
    const found = 25 * hour

    test('is over: whoever was inside left at its last evidence, as facts in the log', async () => {
      await history.record(named.joined('ann', 0, { connectionId: 'a' }), named.joined('bob', 40))
      await history.record(unnamed.joined('cat', 5))
      await history.lookAt(24 * hour - 1)
      await assertSessions({ session: '0-', ann: '0-', bob: '40-' }, { session: '5-', cat: '5-' })
      await history.lookAt(found)
      await assertSessions(
        { session: '0-40 source-silent?', ann: '0-40 source-silent?', bob: '40-40 source-silent?' },
        { session: '5-5 source-silent?', cat: '5-5 source-silent?' },
      )
      assert.deepEqual(sortedInferred(), [
        'ann left 40 source-silent',
        'bob left 40 source-silent',
        'cat left 5 source-silent',
        'room ended 40 source-silent',
        'room ended 5 source-silent',
      ])
    })

    test('is over whatever its source tells of other rooms', async () => {
      const elsewhere = reporter({ roomId: 'elsewhere' })
      await history.record(named.joined('ann', 0))
      for (let at = hour; at <= 80 * hour; at += hour) await history.record(elsewhere.joined('bob', at))
      await history.lookAt(24 * hour - 1)
      assert.deepEqual((await history.sessions())[0], { session: '0-', ann: '0-' })
      await history.lookAt(80 * hour)
      assert.deepEqual(await history.sessions(), [
        { session: '0-0 source-silent?', ann: '0-0 source-silent?' },
        { session: '3600-', bob: '3600-' },
      ])
    })

    test('is not over while anything comes of anybody in it', async () => {
      await history.record(named.joined('ann', 0), named.joined('bob', 0))
      for (let at = hour; at <= 80 * hour; at += 20 * hour) await history.record(named.seen('bob', at))
      await history.lookAt(81 * hour)
      await assertSessions({ session: '0-', ann: '0-', bob: '0-' })
    })

    test('is not over while snapshots of it come', async () => {
      await history.record(named.joined('ann', 0))
      for (let at = hour; at <= 30 * hour; at += hour) await history.record(named.snapshot(at, ['ann']))
      await history.lookAt(31 * hour)
      await assertSessions({ session: '0-', ann: '0-' })
    })

    test('of the hosted rooms is not over: their lease vouches for whoever is inside', async () => {
      await history.record(reporter({ source: 'hosted' }).joined('ann', 0))
      await history.lookAt(1000 * hour)
      await assertSessions({ session: '0-', ann: '0-' })
    })

    test('goes on when something comes after all: a leave ends its stay as it says, and whoever is shown again was inside all the time', async () => {
      await history.record(named.joined('ann', 0), named.joined('bob', 0), named.joined('cat', 0))
      await history.lookAt(found)
      await history.record(named.left('ann', 30 * hour, { reason: 'left' }), named.snapshot(31 * hour, ['bob']))
      await assertSessions({ session: '0-', ann: `0-${30 * hour} left`, bob: '0-', cat: '0-0 source-silent?' })
    })
  })

  test('a named session that a newer one supersedes ends at its last evidence, with everybody in it, unless it tells more', async () => {
    const newer = reporter({ sessionKey: 's2' })
    await history.record(named.joined('ann', 0), named.joined('bob', 5), newer.started(60))
    await history.record(named.ended(60, { inferred: 'superseded' }))
    await assertSessions(
      { session: '0-5 superseded?', ann: '0-5 session-ended?', bob: '5-5 session-ended?' },
      { session: '60-' },
    )
    assert.deepEqual(history.inferred(), ['room ended 60 superseded'])
    await history.record(named.left('ann', 70, { reason: 'left' }))
    assert.deepEqual((await history.sessions())[0], { session: '0-', ann: '0-70 left', bob: '5-' })
  })
})

describe('rule 8: an ended session can be amended', () => {
  const endedSession = async () => {
    await history.record(named.joined('ann', 10, { name: 'Ann' }), named.ended(20))
    return (await history.records())[0]?.session
  }
  /** With what is announced of people: whoever's stay is another than before. */
  const amendments: { [what: string]: [Fact, ...string[]] } = {
    'a late leave': [named.left('ann', 15, { receivedAt: hour }), 'participant.left'],
    'a leave that moves the end': [named.left('ann', 25, { receivedAt: hour }), 'participant.left'],
    'an earlier start': [named.started(5, { receivedAt: hour })],
    'a later end': [named.ended(30, { receivedAt: hour }), 'participant.left'],
    'a snapshot after the end': [named.snapshot(40, ['ann'], { receivedAt: hour }), 'participant.left'],
    'another person': [named.joined('bob', 12, { receivedAt: hour }), 'participant.joined', 'participant.left'],
    'another name': [named.joined('ann', 12, { name: 'Anna', receivedAt: hour }), 'participant.amended'],
    'another kind': [named.joined('ann', 12, { kind: 'agent', receivedAt: hour }), 'participant.amended'],
  }
  for (const [what, [fact, ...ofPeople]] of Object.entries(amendments)) {
    test(`${what}: one revision more, a new updatedAt, and changes that say so`, async () => {
      const before = await endedSession()
      const told = (await history.changes()).length
      await history.record(fact)
      const now = (await history.records())[0]?.session
      assert.equal(now?.revision, 1 + (before?.revision ?? 0))
      assert.equal(toSecond(now?.updatedAt ?? 0), hour)
      assert.equal(now?.id, before?.id)
      assert.deepEqual(
        (await history.changes()).slice(told).map(({ type }) => type),
        ['session.amended', ...ofPeople],
      )
    })
  }

  test('what shows nowhere amends nothing', async () => {
    const before = await endedSession()
    const told = await history.changes()
    await history.record(named.left('nobody', 15, { name: 'Nobody' }), named.joined('ann', 12), named.ended(15))
    assert.equal((await history.records())[0]?.session.revision, before?.revision)
    assert.deepEqual(await history.changes(), told)
  })

  test('the withdrawal of a provisional end amends, and the next end is told anew', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.left('ann', 10))
    await history.lookAt(hour)
    await history.record(unnamed.joined('bob', 15))
    await history.record(unnamed.left('bob', 16))
    await history.lookAt(hour)
    const told = (await history.changes()).map(({ type, participantId }) =>
      [type, participantId ?? ''].join(' ').trim(),
    )
    assert.deepEqual(told.slice(3), [
      'session.ended',
      'session.amended bob',
      'participant.joined bob',
      'participant.left bob',
      'session.ended',
    ])
  })

  test('a running session tells of a name that came later', async () => {
    await history.record(named.joined('ann', 0), named.joined('ann', 5, { name: 'Ann' }))
    const last = (await history.changes()).at(-1)
    assert.deepEqual([last?.type, last?.name], ['participant.amended', 'Ann'])
  })
})

describe('rule 9: counts change with what they count', () => {
  const elsewhere = reporter({ roomId: 'elsewhere' })

  test('after every fact the counts of sessions are their number: waiting, running, ended, withdrawn', async () => {
    const steps: (() => Promise<unknown>)[] = [
      () => history.record(named.left('ann', 10, { connectionId: 'c' })),
      () => history.record(named.joined('ann', 0, { connectionId: 'c' })),
      () => history.record(unnamed.joined('bob', 0), unnamed.left('bob', 5)),
      () => history.record(elsewhere.joined('cat', 0)),
      () => history.lookAt(hour),
      () => history.record(named.joined('ann', hour)),
      () => history.record(unnamed.joined('bob', 20)),
      () => history.record(unnamed.joined('bob', hour)),
      () => history.record(elsewhere.ended(hour)),
      () => history.lookAt(40 * hour),
    ]
    for (const step of steps) {
      await step()
      const all = (await history.records()).map(({ session }) => session)
      for (const roomId of [undefined, 'room', 'elsewhere', 'nowhere']) {
        const there = all.filter((session) => roomId === undefined || session.roomId === roomId)
        const of = roomId === undefined ? {} : { roomId }
        assert.equal(await history.count(of), there.length)
        const ended = there.filter((session) => session.endAt !== null).length
        assert.equal(await history.count({ ...of, status: 'ended' }), ended)
        assert.equal(await history.count({ ...of, status: 'ongoing' }), there.length - ended)
      }
    }
  })

  test('after every fact the people of a session, and those inside, are a recount of its timelogs', async () => {
    const facts = [
      named.left('ann', 10, { connectionId: 'late' }),
      named.joined('ann', 5, { connectionId: 'c' }),
      named.joined('bob', 6),
      named.joined('ann', 2, { connectionId: 'late' }),
      named.left('ann', 12, { connectionId: 'c' }),
      named.snapshot(20, ['cat']),
      named.restarted(30),
      named.left('bob', 25),
      named.joined('ann', 40, { connectionId: 'd' }),
      named.ended(50),
    ]
    for (const fact of facts) {
      await history.record(fact)
      for (const [i, { session: time, ...people }] of (await history.sessions()).entries()) {
        const { session } = (await history.records())[i] ?? {}
        assert.equal(session?.people, Object.keys(people).length)
        if (!time.endsWith('-')) continue
        assert.equal(session?.inside, Object.values(people).filter((timelog) => timelog.endsWith('-')).length)
      }
    }
  })
})

describe('rule 10: what cannot be, or fits nowhere, is kept as it was said', () => {
  test('a time in the far future counts as the time it came, is flagged, and stays in the log as it was said', async () => {
    const join = named.joined('ann', 1000 * hour, { receivedAt: 10 })
    const recorded = await history.recordOne(join)
    assert.equal(recorded?.outcome, 'recorded')
    assert.match(recorded?.reason ?? '', /time/)
    await assertSessions({ session: '10-', ann: '10-' })
    const [logged] = history.log()
    assert.equal(logged?.said.at, toTime(1000 * hour))
    assert.equal(logged?.reason, recorded?.reason)
    assert.deepEqual(await history.record(join), ['duplicate'])
  })

  test('a clock that is five minutes ahead is believed', async () => {
    await history.record(named.joined('ann', 10 + 5 * minute, { receivedAt: 10 }))
    await assertSessions({ session: '310-', ann: '310-' })
  })

  test('the time of a join that cannot be is left out of the leave: nothing stands in its place', async () => {
    const ahead = 10 * minute
    await history.record(named.joined('ann', ahead, { connectionId: 'c', receivedAt: 0 }))
    const leave = named.left('ann', ahead + 3, { connectionId: 'c', joinedAt: ahead, receivedAt: 3 })
    assert.match((await history.recordOne(leave))?.reason ?? '', /its time cannot be.*the time of its join cannot be/)
    await history.record(named.ended(hour))
    await assertSessions({ session: '0-3600 session-ended', ann: '0-3' })
  })

  test('a snapshot counts without the times of joins that cannot be', async () => {
    await history.record(named.snapshot(10, [{ participantId: 'ann', joinedAt: 1000 * hour }]))
    await assertSessions({ session: '10-', ann: '10-' })
  })

  describe('a media server tells of what happens, so the far past cannot be', () => {
    const live = reporter({ source: 'livekit-1', sessionKey: 's1' })
    const day = 24 * hour

    test('a join of longer ago than 31 days counts as the time it came, and moves nobody’s session', async () => {
      await history.record(
        live.joined('bob', 0),
        live.joined('ann', -32 * day, { receivedAt: 10 }),
        live.left('ann', 20),
      )
      await assertSessions({ session: '0-', bob: '0-', ann: '10-20' })
    })

    test('a leave counts without a join of longer ago than that', async () => {
      await history.record(live.joined('ann', 0), live.left('ann', 10, { joinedAt: -32 * day }))
      await assertSessions({ session: '0-', ann: '0-10' })
    })

    test('what is told 30 days late is believed', async () => {
      await history.record(live.left('ann', -29 * day, { joinedAt: -30 * day, receivedAt: 0 }))
      await assertSessions({ session: `${-30 * day}-`, ann: `${-30 * day}-${-29 * day}` })
    })

    test('whoever calls POST /v2/events may tell of any past', async () => {
      for (const source of ['events', 'events/import']) {
        const past = reporter({ source, sessionKey: 's1' })
        history = await histories.begin()
        await history.record(past.left('ann', -900 * day, { joinedAt: -900 * day - 60, receivedAt: 0 }))
        await assertSessions({ session: `${-900 * day - 60}-`, ann: `${-900 * day - 60}-${-900 * day}` })
      }
    })
  })

  test('a fact that fits nowhere is ignored with the reason, and kept in the log', async () => {
    const nowhere = [unnamed.left('ann', 0), unnamed.ended(0), unnamed.snapshot(0, [])]
    for (const fact of nowhere) {
      const recorded = await history.recordOne(fact)
      assert.equal(recorded?.outcome, 'ignored')
      assert.match(recorded?.reason ?? '', /no session of room room was running then/)
      assert.equal(history.log().at(-1)?.said.id, fact.id)
    }
    await assertSessions()
  })
})

describe('rule 10: times that were moved, since their source’s clock is wrong,', () => {
  test('are told with the session: the furthest of its facts, in whatever order they come', async () => {
    const moved = (fact: Fact, clockCorrectedMs: number): Fact => ({ ...fact, clockCorrectedMs })
    const facts = [
      moved(named.joined('ann', 0), -3_590_000),
      named.joined('ben', 1),
      moved(named.left('ann', 10), -3_600_000),
      moved(named.ended(20), 1200),
    ]
    for (const order of [facts, facts.toReversed()]) {
      const own = await histories.begin()
      await own.record(...order)
      assert.deepEqual(
        (await own.records()).map(({ session }) => session.clockCorrectedMs),
        [-3_600_000],
      )
    }
  })
})

describe('rule 11: commands are facts', () => {
  test('an end by command ends everything at once, with its reason', async () => {
    await history.record(unnamed.joined('ann', 0), unnamed.ended(10, { reason: 'ended-by-command' }))
    await assertSessions({ session: '0-10 ended-by-command', ann: '0-10 session-ended' })
    assert.equal(history.log().at(-1)?.outcome, 'recorded')
  })

  test('what the media server says of people afterwards still counts', async () => {
    await history.record(named.joined('ann', 0), named.ended(10, { reason: 'ended-by-command' }))
    await history.record(named.left('ann', 10.5, { reason: 'room-deleted' }))
    await assertSessions({ session: '0-10.5 ended-by-command', ann: '0-10.5 room-deleted' })
  })

  test('whoever was removed by command has left, and may come back', async () => {
    await history.record(
      unnamed.joined('ann', 0),
      unnamed.left('ann', 10, { reason: 'removed' }),
      unnamed.joined('ann', 12),
    )
    await assertSessions({ session: '0-', ann: '0-10 removed, 12-' })
  })
})

describe('the record of all these histories', () => {
  test('has no fault that verify finds, and nothing that rebuild mends', async () => {
    assert.deepEqual(await histories.findFaults(), [])
  })
})
