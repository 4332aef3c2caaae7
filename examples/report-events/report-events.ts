/**
 * A few moments in a media server that reports what happens in it. Prints the session that Rollcall made of them, as the
 * API answers it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Rollcall } from '@rollcall/client'
import { reportWorker } from './report-worker.ts'
import { Worker } from './sfu.ts'

const { ROLLCALL_URL: url = 'http://127.0.0.1:4000', ROLLCALL_TOKEN: token } = process.env
if (token === undefined) {
  console.error('ROLLCALL_TOKEN is missing: sign one with  npm run -s rollcall -- token')
  process.exit(1)
}

const rollcall = new Rollcall({ url, token })
const reporter = rollcall.report({ source: 'example-sfu' })
const worker = new Worker()
reportWorker(worker, reporter)

const router = await worker.createRouter({ appData: { roomId: 'report-events' } })
const anna = { appData: { participantId: 'anna', name: 'Anna' } }
const ben = { appData: { participantId: 'ben', name: 'Ben' } }

// Anna sends on one transport and receives on another; Ben drops out, and comes back.
const sends = await router.createWebRtcTransport(anna)
const receives = await router.createWebRtcTransport(anna)
const drops = await router.createWebRtcTransport(ben)
await delay(20)
drops.close()
await delay(20)
await router.createWebRtcTransport(ben)
sends.close()
await delay(20)
receives.close()
await delay(20)
router.close()
await reporter.close()

const { data } = await rollcall.sessions.list({ customRoomId: router.appData.roomId, perPage: 1 }).page()
console.log(JSON.stringify(data[0], null, 2))
