import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { SessionPage, Source } from '@rollcall/protocol'
import { reconcileLimits } from '../../src/sources/reconciling/limits.ts'
import { type Program, runServer } from '../support/run-program.ts'
import { seeSoon } from '../support/senders/janus-events.ts'
import { serveLivekitRooms } from '../support/senders/livekit-rooms.ts'
import { addSource, deliverAsLivekit, livekitKey } from '../support/senders/source-client.ts'
import { signToken } from '../support/sign-token.ts'
import { send } from '../support/start-server.ts'

const key = { apiKey: 'looks', secret: 'a secret of the tests of looks' }
const room = { sid: 'RM_before', name: 'standup' }

/** A server in a process of its own, which asks its media servers so often. */
async function start(t: TestContext, dataFolder: string, intervalMs: number) {
  const env = {
    ROLLCALL_DATA: dataFolder,
    ROLLCALL_API_KEY: key.apiKey,
    ROLLCALL_SECRET: key.secret,
    ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
  }
  const limits = { reconcileLimits: { ...reconcileLimits, intervalMs, settleMs: 0 } }
  const { program, url } = await runServer(env, limits)
  t.after(() => kill(program))
  const sign = () => signToken(key, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
  return {
    url,
    kill: () => kill(program),
    async call<Body>(method: string, path: string, body?: unknown) {
      const headers = { authorization: await sign(), 'content-type': 'application/json' }
      return send<Body>(`${url}${path}`, method, headers, body === undefined ? undefined : JSON.stringify(body))
    },
  }
}

async function kill({ child, ended }: Program): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

/** An event of a room of that sid, of somebody who joined at this time. */
function joined(identity: string, sid: string, joinedAtMs: number) {
  const second = String(Math.floor(joinedAtMs / 1000))
  const participant = { sid: `PA_${identity}`, identity, joinedAt: second, joinedAtMs: String(joinedAtMs) }
  return { event: 'participant_joined', id: `EV_${identity}`, createdAt: second, room: { ...room, sid }, participant }
}

test('a kill of Rollcall loses one look at most: whoever was inside was so until a look no older than that', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-looks-'))
  // Before the programs end that are started below, which may write there until then.
  t.after(() => rm(folder, { recursive: true, maxRetries: 5 }))
  const livekit = await serveLivekitRooms()
  t.after(() => livekit.close())
  const first = await start(t, folder, 100)
  const source = await addSource(first as never, 'livekit', { ...livekitKey, url: livekit.url })
  const joinedAtMs = Date.now() - 600_000
  const anna = { sid: 'PA_anna', identity: 'anna', joinedAtMs }
  livekit.rooms.set(room.name, { ...room, people: [anna] })
  await deliverAsLivekit(source, joined('anna', room.sid, joinedAtMs))

  // Two questions a look, of the rooms: when the next begins, the one before it is kept.
  const looks = () => livekit.calls.filter((call) => call === 'ListRooms').length / 2
  const before = looks()
  await seeSoon(async () => looks() >= before + 3, true)
  // The first that has her is recorded at once. Those after it change nothing, and are kept beside the record.
  await delay(4000)
  // A clock of whole seconds dates the answers.
  const lookedAfterMs = Math.floor(Date.now() / 1000) * 1000 - 1000
  const meanwhile = looks()
  await seeSoon(async () => looks() >= meanwhile + 2, true)
  await first.kill()

  // LiveKit was killed, too, and began anew: that is the first that is heard of it.
  livekit.rooms.clear()
  const second = await start(t, folder, 3_600_000)
  const url = source.url.replace(first.url, second.url)
  await deliverAsLivekit({ ...source, url } as Source, joined('ben', 'RM_after', Date.now()))
  const findAnna = async () => {
    const { body } = await second.call<SessionPage>('GET', '/v2/sessions')
    return body.data.flatMap(({ participants }) => participants).find(({ participantId }) => participantId === 'anna')
  }
  await seeSoon(async () => (await findAnna())?.timelog.map(({ inferred }) => inferred), [true])
  const [{ end } = { end: null }] = (await findAnna())?.timelog ?? []
  assert.ok(
    end !== null && Date.parse(end) >= lookedAfterMs,
    `${end} is not before ${new Date(lookedAfterMs).toISOString()}`,
  )
})
