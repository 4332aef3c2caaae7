import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Rollcall, type Session } from '@rollcall/client'
import { startServer, type TestServer } from '../../packages/server/test/support/start-server.ts'
import { reportWorker } from './report-worker.ts'
import { Worker } from './sfu.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

async function runExample(): Promise<Session> {
  const env = { PATH: process.env.PATH, ROLLCALL_URL: server.url, ROLLCALL_TOKEN: await server.sign() }
  const program = join(import.meta.dirname, 'report-events.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env })
  return JSON.parse(stdout)
}

test('the example prints the session that it reported: who was inside, and each time that they were', async () => {
  const session = await runExample()
  assert.deepEqual([session.status, session.engine, session.customRoomId], ['ended', 'events', 'report-events'])
  assert.deepEqual(
    session.participants.map(({ participantId, name, timelog }) => [participantId, name, timelog.length]),
    [
      ['anna', 'Anna', 1],
      ['ben', 'Ben', 2],
    ],
  )
  const [anna, ben] = session.participants
  assert.ok(anna?.timelog[0]?.end && session.end && anna.timelog[0].end < session.end)
  assert.ok(ben?.timelog[1]?.end && ben.timelog[1].end <= session.end)
})

test('the example run again is another session, and the first one stays as it was', async () => {
  const first = await runExample()
  const second = await runExample()
  assert.notEqual(second.id, first.id)
  assert.deepEqual(await new Rollcall(server).sessions.get(first.id), first)
})

test('a media server that dies leaves nobody inside once it has started again', async () => {
  const rollcall = new Rollcall(server)
  const dies = new Worker()
  const reporter = rollcall.report({ source: 'dies' })
  reportWorker(dies, reporter)
  const router = await dies.createRouter({ appData: { roomId: 'dies' } })
  await router.createWebRtcTransport({ appData: { participantId: 'anna', name: 'Anna' } })
  await reporter.flush()
  const sessions = async () => (await rollcall.sessions.list({ customRoomId: 'dies' }).page()).data
  assert.deepEqual((await sessions())[0]?.participants[0]?.timelog[0]?.end, null)

  const startsAgain = rollcall.report({ source: 'dies' })
  reportWorker(new Worker(), startsAgain)
  await startsAgain.close()
  const [entry] = (await sessions())[0]?.participants[0]?.timelog ?? []
  assert.deepEqual([entry?.inferred, entry?.reason], [true, 'source-restarted'])
  router.close()
  await reporter.close()
})
