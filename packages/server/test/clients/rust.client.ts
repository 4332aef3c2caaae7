import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startServer } from '../support/start-server.ts'
import { callsIn, hasTool, makeCache, runTool } from './client-programs.ts'

const calls = [
  'rooms.create',
  'rooms.get',
  'rooms.list',
  'rooms.list_stream',
  'rooms.validate',
  'rooms.end',
  'sessions.list',
  'sessions.list_stream',
  'sessions.get',
  'sessions.list_participants',
  'sessions.list_active_participants',
  'sessions.get_participant',
  'sessions.get_stats',
  'sessions.get_participant_stats',
  'sessions.remove_participant',
  'sessions.end',
  'participants.list',
  'participants.list_stream',
  'participants.get',
  'participants.remove',
  'errors',
  'request',
  'client.generate_token, verify_token',
  'client.access_token, decode_token',
  'generate_token, verify_token, parse_expires_in',
]

describe('VideoSDK’s Rust crate, unmodified', () => {
  test('makes every call on rooms, sessions, participants and tokens, and decodes each answer', async (t) => {
    if (!(await hasTool(t, 'cargo', ['--version']))) return
    assert.deepEqual(callsIn(await runCrate({}, [])), calls)
  })

  test('gets through a limit of one request a second, because it waits as Retry-After says', async (t) => {
    if (!(await hasTool(t, 'cargo', ['--version']))) return
    assert.deepEqual(callsIn(await runCrate({ ROLLCALL_RATE_LIMIT: '1' }, ['limited'])), ['retries'])
  })
})

async function runCrate(settings: { [name: string]: string }, args: string[]): Promise<string> {
  const target = await makeCache('rust')
  const source = join(import.meta.dirname, 'rust')
  await runTool('cargo', ['build', '--locked', '--quiet'], { cwd: source, env: { CARGO_TARGET_DIR: target } })
  const server = await startServer(settings)
  try {
    const { url, apiKey, secret } = server
    const env = { VIDEOSDK_API_ENDPOINT: url, VIDEOSDK_API_KEY: apiKey, VIDEOSDK_SECRET: secret }
    return await runTool(join(target, 'debug/rollcall-client-test'), args, { env })
  } finally {
    await server.stop()
  }
}
