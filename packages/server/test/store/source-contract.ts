import assert from 'node:assert/strict'
import type { Fact } from '@rollcall/protocol'
import type { Store } from '../../src/record/open-store.ts'
import type { SourceNote } from '../../src/store/source-health.ts'
import type { WithStore } from './contract.ts'

const start = Date.UTC(2026, 0, 5, 9)
const nothing = {
  lastFactAt: null,
  recorded: 0,
  duplicate: 0,
  ignored: 0,
  refused: 0,
  skewMs: null,
  lastError: null,
  lastErrorAt: null,
  arrivals: [],
}

/** Sources, how they are, and what the record knows of their rooms. */
export function sourceContract(withStore: WithStore): void {
  const newKey = (store: Store) => store.writes.keys.add({ name: null, email: null })

  withStore('a source is found by its id alone, as long as its key is enabled', async (store, reopen, time) => {
    const key = await newKey(store)
    const settings = { secret: 'Ünïcode', url: 'https://livekit.example.org' }
    const added = await store.writes.sources.add({ keyId: key.keyId, type: 'livekit', name: 'eu-1', settings })
    const again = await reopen()
    assert.deepEqual(await again.reads.sources.find(added.id), added)
    assert.equal(await again.reads.sources.find('livekit-nothing'), undefined)
    time.at = start + 5000
    const changed = { ...added, name: 'eu-2', settings: { ...settings, secret: 'another' }, updatedAt: start + 5000 }
    const { keyId, id } = added
    assert.deepEqual(
      await again.writes.sources.update({ keyId, id, name: 'eu-2', settings: { secret: 'another' } }),
      changed,
    )
    assert.deepEqual(await again.reads.sources.find(id), changed)
    await again.writes.keys.disable({ apiKey: key.apiKey })
    assert.equal(await again.reads.sources.find(id), undefined)
  })

  withStore(
    'sources are listed oldest first, each key its own, and go when they are deleted',
    async (store, _, time) => {
      const [{ keyId }, other] = [await newKey(store), await newKey(store)]
      const add = (name: string) => store.writes.sources.add({ keyId, type: 'generic', name, settings: {} })
      const first = await add('first')
      time.at = start + 1
      const second = await add('second')
      const names = async (keyId: number) => (await store.reads.sources.list(keyId)).map(({ name }) => name)
      assert.deepEqual([await names(keyId), await names(other.keyId)], [['first', 'second'], []])
      assert.equal(await store.writes.sources.delete({ keyId: other.keyId, id: first.id }), false)
      assert.equal(await store.writes.sources.update({ keyId: other.keyId, id: first.id, name: 'taken' }), undefined)
      assert.equal(await store.writes.sources.delete({ keyId, id: first.id }), true)
      assert.equal(await store.writes.sources.delete({ keyId, id: first.id }), false)
      assert.deepEqual(await names(keyId), [second.name])
    },
  )

  withStore('what is noted of a source adds up, and the latest stands', async (store) => {
    const { keyId } = await newKey(store)
    const { id } = await store.writes.sources.add({ keyId, type: 'generic', name: 'x', settings: {} })
    const note = (news: Partial<SourceNote>) =>
      store.writes.sources.note({
        keyId,
        notes: [
          { ...nothing, ...news, id },
          { ...nothing, id: 'nothing' },
        ],
      })
    const came = (outcome: 'recorded' | 'refused', reason: string | null, times: number, lastAt: number) => [
      { what: 'participant-joined', outcome, reason, times, lastAt: start + lastAt },
    ]
    const news = { recorded: 2, refused: 1, lastFactAt: start, lastError: 'broken', lastErrorAt: start }
    await note({ ...news, arrivals: [...came('recorded', null, 2, 0), ...came('refused', 'broken', 1, 0)] })
    await note({
      recorded: 3,
      duplicate: 4,
      ignored: 5,
      skewMs: -70,
      lastFactAt: start + 9,
      arrivals: came('recorded', null, 3, 9),
    })
    const [source] = await store.reads.sources.list(keyId)
    assert.deepEqual(source?.health, {
      lastFactAt: start + 9,
      recorded: 5,
      duplicate: 4,
      ignored: 5,
      refused: 1,
      skewMs: -70,
      lastError: 'broken',
      lastErrorAt: start,
      arrivals: [...came('recorded', null, 5, 9), ...came('refused', 'broken', 1, 0)],
    })
    for (let i = 0; i < 30; i++) await note({ arrivals: came('refused', `broken ${i}`, 1, 10 + i) })
    const [after] = await store.reads.sources.list(keyId)
    assert.equal(after?.health.arrivals.length, 20, 'a flood of reasons does not grow')
    assert.equal(after?.health.arrivals[0]?.reason, 'broken 29')
  })

  withStore('the lives of a room are the named ones of that source, newest first', async (store) => {
    const { keyId } = await newKey(store)
    const fact = (sessionKey: string | undefined, at: number, more: object = {}): Fact => ({
      type: 'session-started',
      id: `${sessionKey} ${at}`,
      source: 'jitsi-1',
      roomId: 'r',
      ...(sessionKey !== undefined && { sessionKey }),
      at: start + at,
      receivedAt: start,
      ...more,
    })
    await store.record(keyId, [
      fact('b', 2000),
      fact('a', 1000),
      fact('c', 3000),
      fact('a', 1500, { type: 'session-ended' }),
      fact(undefined, 4000, { id: 'unnamed', type: 'participant-joined', participantId: 'x' }),
      fact('d', 5000, { roomId: 'other' }),
      fact('e', 6000, { source: 'jitsi-2' }),
    ])
    const lives = await store.reads.sources.listLives(keyId, 'jitsi-1', 'r', 10)
    assert.deepEqual(
      lives.map(({ sessionKey, startAt, endedAt }) => [sessionKey, startAt - start, endedAt && endedAt - start]),
      [
        ['c', 3000, null],
        ['b', 2000, null],
        ['a', 1000, 1500],
      ],
    )
    assert.equal((await store.reads.sources.listLives(keyId, 'jitsi-1', 'r', 2)).length, 2)
    assert.deepEqual(await store.reads.sources.listLives(keyId + 1, 'jitsi-1', 'r', 10), [])
  })

  withStore('whoever joined under a connection is found by it', async (store) => {
    const { keyId } = await newKey(store)
    const base = { source: 'bbb-1', roomId: 'r', sessionKey: 'm', at: start, receivedAt: start }
    await store.record(keyId, [
      { ...base, type: 'participant-joined', id: '1', participantId: 'anna', connectionId: 'w_1' },
      { ...base, type: 'participant-left', id: '2', participantId: 'bob', connectionId: 'w_2' },
    ])
    const find = (sessionKey: string, connectionId: string) =>
      store.reads.sources.findConnected(keyId, { source: 'bbb-1', roomId: 'r', sessionKey, connectionId })
    assert.deepEqual(await Promise.all([find('m', 'w_1'), find('m', 'w_2'), find('n', 'w_1')]), [
      'anna',
      undefined,
      undefined,
    ])
  })
}
