import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createGuardedFetch, FetchFailure } from '../../src/runtime/guarded-fetch.ts'

const open = createGuardedFetch({ allowPrivateAddresses: true })

let server: Server
/** What the server does with each connection, once something came on it. */
let answer: (socket: Socket) => void
const sockets = new Set<Socket>()
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

/** What becomes of a request: its status and body, or the code that it fails with. */
async function outcomeOf(request: object = {}): Promise<string> {
  try {
    const { port } = server.address() as AddressInfo
    const { status, body } = await open.send(`http://127.0.0.1:${port}/`, { timeoutMs: 500, ...request })
    return `${status} ${body}`
  } catch (error) {
    assert.ok(error instanceof FetchFailure, String(error))
    return error.code
  }
}

const repeatedly = (socket: Socket, text: string) => {
  const timer = setInterval(() => socket.write(text), 5)
  socket.on('close', () => clearInterval(timer))
}

const outcomes: [what: string, answer: (socket: Socket) => void, outcome: string, enough?: string][] = [
  [
    'changes to another protocol unasked',
    (one) => one.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    '101 ',
  ],
  ['changes to another protocol, of no name', (one) => one.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'), '101 '],
  [
    'answers 200 with an upgrade',
    (one) => one.write('HTTP/1.1 200 OK\r\nupgrade: x\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok'),
    '200 ok',
  ],
  ['sends 1xx at once without end', (one) => one.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(10_000)), 'TOO_LARGE'],
  ['sends 1xx slowly without end', (one) => repeatedly(one, 'HTTP/1.1 102 Processing\r\n\r\n'), 'TOO_'],
  ['sends 100 and nothing more', (one) => one.write('HTTP/1.1 100 Continue\r\n\r\n'), 'TOO_SLOW'],
  ['says nothing', () => {}, 'TOO_SLOW'],
  ['sends headers without end', (one) => repeatedly(one, 'HTTP/1.1 200 OK\r\na: b'), 'TOO_SLOW'],
  [
    'sends a body without end',
    (one) => {
      one.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      repeatedly(one, '1\r\nx\r\n')
    },
    'TOO_SLOW',
    '200 ',
  ],
  ['closes without a word', (one) => one.end(), 'UNREACHABLE'],
  ['resets', (one) => one.resetAndDestroy(), 'UNREACHABLE'],
  ['closes within the headers', (one) => one.end('HTTP/1.1 200 OK\r\na'), 'UNREACHABLE'],
  [
    'closes within the body, and stays half open',
    (one) => one.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
    'UNREACHABLE',
  ],
  [
    'resets within the body',
    (one) => one.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', () => one.resetAndDestroy()),
    'UNREACHABLE',
  ],
  ['closes after a body of no length, and stays half open', (one) => one.end('HTTP/1.1 200 OK\r\n\r\nabc'), '200 abc'],
  [
    'answers, and reads nothing of what is sent',
    (one) => {
      one.pause()
      one.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    },
    '200 ok',
  ],
  ['is no HTTP', (one) => one.write('hello\r\n\r\n'), 'UNREACHABLE'],
]

describe('a request to a server that', () => {
  for (const [what, how, outcome, enough = outcome] of outcomes) {
    test(`${what} settles, and leaves no connection`, { timeout: 10_000 }, async () => {
      answer = how
      const body = 'x'.repeat(4 * 1024 * 1024)
      for (const [request, expected] of [
        [{}, outcome],
        [{ enoughBytes: 100 }, enough],
        [{ method: 'POST', body }, outcome],
      ] as const) {
        const got = await outcomeOf(request)
        assert.ok(got.startsWith(expected), `${got} in place of ${expected}`)
      }
      // A peer that does not read sees nothing of it.
      for (const socket of sockets) socket.resume().end()
      while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    })
  }
})
