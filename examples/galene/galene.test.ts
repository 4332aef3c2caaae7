import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Rollcall } from '@rollcall/client'
import { type WebSocket, WebSocketServer } from 'ws'
import { startServer } from '../../packages/server/test/support/start-server.ts'
import { reportGalene } from './galene.ts'

// Messages as galene-protocol.md has them.

test('a group of Galène is recorded: who is there already, who comes and who goes, also after the reporter starts again', async (t) => {
  const server = await startServer()
  t.after(() => server.stop())
  const galene = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.after(() => galene.close())
  await once(galene, 'listening')
  const endpoint = `ws://127.0.0.1:${(galene.address() as AddressInfo).port}`
  const rollcall = new Rollcall({ url: server.url, token: await server.sign() })
  const reporter = rollcall.report({ source: 'galene' })
  const group = { endpoint, group: 'night-watch', username: 'rollcall' }
  const people = async () => {
    const { data } = await rollcall.sessions.list({ customRoomId: 'night-watch' }).page()
    return data.flatMap(({ participants }) =>
      participants.map(({ participantId, timelog }) => [participantId, ...timelog.map(({ end }) => end === null)]),
    )
  }

  const first = reportGalene(group, reporter)
  const socket = await letIn(galene, [['c1', 'ann']])
  await seeSoon(people, [['ann', true]])
  user(socket, 'add', 'c2', 'bob')
  await seeSoon(people, [
    ['ann', true],
    ['bob', true],
  ])
  user(socket, 'delete', 'c1', 'ann')
  await seeSoon(people, [
    ['ann', false],
    ['bob', true],
  ])
  socket.close()
  await first

  const again = reportGalene(group, reporter)
  const next = await letIn(galene, [
    ['c2', 'bob'],
    ['c3', 'cyd'],
  ])
  const all = [
    ['ann', false],
    ['bob', true],
    ['cyd', true],
  ]
  await seeSoon(people, all)
  next.close()
  await again
  await reporter.close()
})

/** Answers the handshake and the join, and says who is inside: the newcomer too. */
async function letIn(galene: WebSocketServer, inside: [string, string][]): Promise<WebSocket> {
  const [socket] = (await once(galene, 'connection')) as [WebSocket]
  const [handshake] = await once(socket, 'message')
  const { id } = JSON.parse(String(handshake))
  socket.send(JSON.stringify({ type: 'handshake', version: ['2'] }))
  socket.send(
    JSON.stringify({ type: 'joined', kind: 'join', group: 'night-watch', username: 'rollcall', permissions: [] }),
  )
  for (const [one, name] of [[id, 'rollcall'], ...inside]) user(socket, 'add', one, name)
  return socket
}

function user(socket: WebSocket, kind: string, id: string, username: string): void {
  socket.send(JSON.stringify({ type: 'user', kind, id, username, permissions: ['present'], status: {} }))
}

async function seeSoon(look: () => Promise<unknown>, expected: unknown): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (JSON.stringify(await look()) === JSON.stringify(expected)) return
    await delay(50)
  }
  assert.deepEqual(await look(), expected)
}
