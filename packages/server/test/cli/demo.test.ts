import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { demoApiKey } from '../../src/cli/demo/demo.ts'
import { dataParent } from '../support/data-parent.ts'
import { runProgram } from '../support/run-program.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const env = () => ({ PORT: '0', ROLLCALL_DATA: join(folder, 'data') })

/** Starts the server, and gives a client with the token that it prints. */
async function start(args: string[]) {
  const program = runProgram('main.js', env(), [...args, '--print-token'])
  const printed = await program.says('stdout', /^curl .*\n/m)
  const url = /running at (\S+)/.exec(printed)?.[1] ?? ''
  const token = /Authorization: (\S+)'/.exec(printed)?.[1] ?? ''
  const code = /#code=([\w-]+)$/m.exec(printed)?.[1]
  const stop = async () => {
    program.child.kill('SIGTERM')
    await program.ended
  }
  return { url, code, printed, rollcall: new Rollcall({ url, token }), stop }
}

test('--demo shows a month of sessions, some of them running, which the real key does not see, and which can be removed', {
  timeout: 300_000,
}, async () => {
  const demo = await start(['--demo'])
  assert.match(demo.printed, new RegExp(`API key  ${demoApiKey}$`, 'm'))
  for (const command of ['link', 'token'])
    assert.match(demo.printed, new RegExp(`-- ${command} --key ${demoApiKey}\\)`))
  const { data, pageInfo } = await demo.rollcall.sessions.list({ perPage: 1000 }).page()
  assert.ok(pageInfo.total > 100, String(pageInfo.total))
  assert.ok(data.some(({ status }) => status === 'ongoing'))
  assert.ok(data.every(({ customRoomId }) => customRoomId?.startsWith('demo-')))
  assert.ok(
    data.some(({ participants }) => participants.some(({ timelog }) => timelog.some(({ inferred }) => inferred))),
  )
  const redeemed = await fetch(`${demo.url}/v2/links/redeem`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: demo.code }),
  })
  assert.equal(redeemed.status, 200)
  await demo.stop()

  const again = await start(['--demo'])
  assert.equal((await again.rollcall.sessions.list().page()).pageInfo.total, pageInfo.total)
  await again.stop()

  const real = await start([])
  assert.equal((await real.rollcall.sessions.list().page()).pageInfo.total, 0)
  assert.match(real.printed, /-- link\)/)
  const { rollcall: kept } = real
  const { roomId } = await kept.rooms.create({ customRoomId: 'ours' })
  const removal = runProgram('cli.js', env(), ['demo', 'remove'])
  assert.match((await removal.ended).stdout, /removed/)
  assert.equal((await kept.rooms.get('ours')).roomId, roomId)
  const link = await runProgram('cli.js', env(), ['link']).ended
  assert.match(link.stdout, new RegExp(`^${real.url}/#code=[\\w-]{22}\n$`))
  const second = await runProgram('cli.js', env(), ['demo', 'remove']).ended
  assert.match(second.stdout, /no demo data/)
  await real.stop()
})
