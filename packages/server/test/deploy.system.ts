import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { requireProgram } from '../../client/test/system-program.ts'
import { readConfig } from '../src/config.ts'
import { findFreePort } from './support/ports.ts'
import { startServer } from './support/start-server.ts'
import { until } from './support/until.ts'

const run = promisify(execFile)
const deploy = join(import.meta.dirname, '../../../deploy')
const read = (name: string) => readFile(join(deploy, name), 'utf8')

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
})
after(() => rm(folder, { recursive: true }))

describe('what deploys it', () => {
  test('starts the file that the package has, and sets what the server reads', async () => {
    const program = '/node_modules/@rollcall/server/server/dist/main.js'
    for (const name of ['Containerfile', 'rollcall.service']) assert.ok((await read(name)).includes(program), name)
    const names = ['Containerfile', 'rollcall.service', 'compose.yaml']
    const texts = await Promise.all(names.map(read))
    const settings = new Set(texts.flatMap((text) => text.match(/\b(ROLLCALL_[A-Z_]+|DATABASE_URL(_FILE)?)\b/g) ?? []))
    const documented = await readFile(join(deploy, '../docs/settings.md'), 'utf8')
    for (const setting of settings) assert.ok(documented.includes(setting.replace(/_FILE$/, '')), setting)
    assert.equal(readConfig({ ROLLCALL_PUBLIC_URL: '', ROLLCALL_TRUST_PROXY: 'off' }).publicUrl, undefined)
  })

  test('by compose is a file that Debian’s docker-compose takes too', async (t) => {
    const compose = await requireProgram(t, { names: ['docker-compose'], packages: ['docker-compose'] })
    if (compose === undefined) return
    const copy = join(folder, 'compose.yaml')
    await copyFile(join(deploy, 'compose.yaml'), copy)
    const { stdout } = await run(compose, ['--file', copy, 'config'])
    // Both make the check of the same command.
    const [, check = ''] = /^ +CMD (\[.*\])$/m.exec(await read('Containerfile')) ?? []
    assert.ok(stdout.includes('/nodejs/bin/node'))
    assert.ok((await read('compose.yaml')).replaceAll('$$', '$').includes(JSON.parse(check).at(-1)))
  })

  test('under systemd is a unit that it takes, and that is exposed as little as its documentation says', async (t) => {
    const systemd = { names: ['systemd-analyze'], packages: ['systemd'] }
    if ((await requireProgram(t, systemd)) === undefined) return
    const unit = join(folder, 'rollcall.service')
    await writeFile(unit, (await read('rollcall.service')).replace('/usr/bin/node', process.execPath))
    const verified = await run('systemd-analyze', ['verify', unit])
    assert.equal(verified.stderr, '')
    const args = ['security', '--offline=yes', '--no-pager', '--threshold=13', unit]
    await run('systemd-analyze', args)
  })
})

type Dashboard = { panels: { targets: { expr: string }[] }[] }
type Rules = { data: { groups: { rules: { name: string; health: string; state: string; lastError?: string }[] }[] } }

/** The queries of the dashboard, as Grafana sends them where nothing is chosen. */
async function dashboardQueries(): Promise<string[]> {
  const { panels }: Dashboard = JSON.parse(await read('grafana-dashboard.json'))
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
  return queries.map((expr) => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'))
}

describe('what watches it', () => {
  test('names metrics and labels that the server has, and no others', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const { text } = await server.call('GET', '/metrics')
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]))
    const texts = [await read('alerts.yml'), ...(await dashboardQueries())].join('\n')
    const used = new Set(texts.match(/\b(rollcall|nodejs|process)_[a-z0-9_]+/g))
    assert.ok(used.size > 15)
    for (const name of used) {
      const ofHistogram = name.replace(/_(bucket|count|sum)$/, '')
      assert.ok(types.has(name) || types.get(ofHistogram) === 'histogram', `there is no ${name}`)
    }
    for (const [, metric = '', labels = ''] of texts.matchAll(/\b(rollcall_[a-z_]+)\{([^}]+)\}/g)) {
      for (const [, label, is, value = ''] of labels.matchAll(/(\w+)(!?=~?)"([^"]*)"/g)) {
        if (label === 'instance' || label === 'status' || label === 'route') continue
        for (const word of is?.endsWith('~') ? value.split('|') : [value]) {
          assert.match(text, new RegExp(`^${metric}\\{.*${label}="${word}"`, 'm'))
        }
      }
    }
  })

  test('has rules that Prometheus takes, each of which fires in its trouble, and none without', async (t) => {
    const promtool = await requireProgram(t, { names: ['promtool'], packages: ['prometheus'] })
    if (promtool === undefined) return
    await run(promtool, ['check', 'rules', join(deploy, 'alerts.yml')])
    await copyFile(join(deploy, 'alerts.yml'), join(folder, 'alerts.yml'))
    const cases = join(folder, 'alerts.test.yml')
    await copyFile(join(import.meta.dirname, 'fixtures/alerts.test.yml'), cases)
    await run(promtool, ['test', 'rules', cases])
  })

  test('is loaded by a real Prometheus, which evaluates all of it against a running server', async (t) => {
    const program = await requireProgram(t, { names: ['prometheus'], packages: ['prometheus'] })
    if (program === undefined) return
    const server = await startServer()
    t.after(() => server.stop())
    const config = `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${join(deploy, 'alerts.yml')}]
scrape_configs: [{ job_name: rollcall, static_configs: [{ targets: ["${new URL(server.url).host}"] }] }]`
    await writeFile(join(folder, 'prometheus.yml'), config)
    const address = `127.0.0.1:${await findFreePort()}`
    const args = ['--config.file', join(folder, 'prometheus.yml'), '--storage.tsdb.path', join(folder, 'tsdb')]
    const prometheus = spawn(program, [...args, '--web.listen-address', address], { stdio: 'ignore' })
    t.after(async () => {
      prometheus.kill('SIGKILL')
      await once(prometheus, 'close')
    })
    const ask = async (path: string) => {
      const answer = await fetch(`http://${address}/api/v1/${path}`).catch(() => undefined)
      // Until it is ready it answers in plain words.
      return answer === undefined || answer.status === 503 ? undefined : answer.json()
    }
    const rules = async () => {
      const answer: Rules | undefined = await ask('rules')
      return answer?.data?.groups.flatMap((group) => group.rules) ?? []
    }
    const isUp = async () => (await ask('query?query=up'))?.data?.result[0]?.value[1] === '1'
    await until(isUp)
    await until(async () => (await rules()).every(({ health }) => health === 'ok') && (await rules()).length > 10)
    assert.deepEqual(
      (await rules()).filter(({ state }) => state !== 'inactive').map(({ name }) => name),
      [],
    )
    for (const expr of await dashboardQueries()) {
      const { status, error } = await ask(`query?query=${encodeURIComponent(expr)}`)
      assert.equal(status, 'success', `${expr}: ${error}`)
    }
    const open = await ask(`query?query=${encodeURIComponent((await dashboardQueries())[0] ?? '')}`)
    assert.equal(open.data.result.length, 1)
    await server.stop()
    await until(async () => (await rules()).some(({ name, state }) => name === 'RollcallDown' && state === 'pending'))
  })
})
