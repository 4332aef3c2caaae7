import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { writeWorkbook } from '../../src/api/tables/workbook.ts'
import { makeRoom } from '../support/api-calls.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// An answer is sent as it is read: where the store breaks in the middle, nobody takes what came for all of it.

const hourMs = 3_600_000
const sessions = 8
const startAt = Date.UTC(2026, 0, 5, 9)

let server: TestServer
before(async () => {
  server = await startServer()
  const { roomId } = await makeRoom(server)
  for (let n = 0; n < sessions; n++) {
    const at = startAt + n * hourMs
    // Long names that nothing packs, so that some of it is sent before the end.
    const stays = Array.from({ length: 40 }, (_, i) => ({
      participantId: `person ${n} ${i}`,
      name: Array.from({ length: 20 }, () => Math.random().toString(36).slice(2)).join(' '),
      joinedAt: at,
      leftAt: at + hourMs / 2,
    }))
    await recordSession(server, { roomId, startAt: at, endAt: at + hourMs / 2, stays })
  }
})
after(() => server.stop())

describe('an answer that breaks off in the middle', () => {
  for (const format of ['json', 'csv', 'ndjson', 'xlsx']) {
    test(`is cut, or an error, and never whole; the server goes on: ${format}`, { timeout: 20_000 }, async () => {
      const { sessions: reads } = server.context.reads
      const { parts } = reads
      const authorization = await server.sign()
      const path = `/v2/attendance?from=2026-01-01&to=2026-02-01&format=${format}`
      const ask = async () => {
        const answer = await fetch(server.url + path, { headers: { authorization } })
        return answer.arrayBuffer().then(
          () => answer.status,
          () => 'cut' as const,
        )
      }
      try {
        for (const broken of [0, 1, sessions / 2, sessions - 1]) {
          reads.parts = async function* (...asked) {
            let read = 0
            for await (const part of parts.apply(reads, asked)) {
              if (read++ === broken) throw new Error('the store breaks')
              yield part
            }
          }
          const answer = await ask()
          assert.ok(answer === 'cut' || answer === 500, `${answer}, broken after ${broken}`)
        }
      } finally {
        reads.parts = parts
      }
      assert.equal(await ask(), 200)
    })
  }

  test('is no error that nobody hears, whenever it is read', { timeout: 20_000 }, async () => {
    for (const pages of [0, 1, 300]) {
      const workbook = writeWorkbook([{ name: 'a', width: 9 }], breaksAfter(pages))
      await new Promise((resolve) => setTimeout(resolve, 20))
      await assert.rejects(async () => {
        for await (const _ of workbook);
      }, /the store breaks/)
    }
  })
})

async function* breaksAfter(pages: number): AsyncGenerator<string[][]> {
  for (let n = 0; n < pages; n++) yield [['the same again, which is packed into nothing'.repeat(80)]]
  throw new Error('the store breaks')
}

describe('an answer of which the head is asked for', () => {
  // A workbook of so few is packed before its first bytes are sent.
  for (const format of ['json', 'csv', 'ndjson']) {
    test(`is as the answer, and is not read to its end: ${format}`, { timeout: 20_000 }, async () => {
      const { sessions: reads } = server.context.reads
      const { parts } = reads
      let read = 0
      let ended = 0
      reads.parts = async function* (...asked) {
        try {
          for await (const part of parts.apply(reads, asked)) {
            read += 1
            yield part
          }
        } finally {
          ended += 1
        }
      }
      const ask = async (method: string) => {
        const path = `/v2/attendance?from=2026-01-01&to=2026-02-01&format=${format}`
        const answer = await fetch(server.url + path, { method, headers: { authorization: await server.sign() } })
        await answer.arrayBuffer()
        return [answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]
      }
      try {
        const whole = await ask('GET')
        assert.equal(read, sessions)
        read = 0
        ended = 0
        assert.deepEqual(await ask('HEAD'), whole)
        // It ends where it was, without what comes after.
        while (read > 0 && ended === 0) await new Promise((resolve) => setTimeout(resolve, 5))
        assert.ok(read < sessions, `${read} were read`)
      } finally {
        reads.parts = parts
      }
    })
  }
})
