import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { timeouts } from '../../../src/api/limits.ts'
import { openRaw } from '../../support/clients/raw-client.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

// With the limits as they are: Node's own time-out of sockets took twice as long as it was set to.

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

async function askForMuch() {
  const client = await openRaw(server)
  client.socket.pause()
  client.write('GET /docs/scalar.js HTTP/1.1\r\nhost: a\r\n\r\n')
  return client
}

test('a reader that takes nothing is cut off after a minute, and one that takes a little is not', async () => {
  const [stalled, slow, quick] = await Promise.all([askForMuch(), askForMuch(), askForMuch()])
  let isOver = false
  const sipping = (async () => {
    for (; !isOver; await delay(1000)) {
      slow.socket.resume()
      await delay(1)
      slow.socket.pause()
    }
  })()
  quick.socket.resume()
  const whole = await quick.until((received) => {
    const end = received.indexOf('\r\n\r\n')
    const length = /content-length: (\d+)/.exec(received.subarray(0, end).toString())?.[1]
    return length !== undefined && received.length === end + 4 + Number(length)
  })
  // What the system has for it is all that a reader gets that was cut off: the rest was never sent.
  await delay(timeouts.stalledMs + 5 * timeouts.checkMs)
  stalled.socket.resume()
  assert.ok((await stalled.closed).length < whole.length)
  isOver = true
  await sipping
  slow.socket.resume()
  await slow.until((received) => received.length === whole.length)
  for (const { socket } of [slow, quick]) socket.destroy()
})
