import { defineCommand } from 'citty'
import { type Config, readConfig, toRules } from '../../config.ts'
import { openStore, type Store } from '../../record/open-store.ts'
import { systemClock } from '../../runtime/clock.ts'
import { requireRecord } from '../../store/database/data-folder.ts'
import { print, toPrintableLine } from '../print.ts'
import {
  checkClock,
  checkDisk,
  checkKeys,
  checkReplica,
  checkServers,
  checkSources,
  checkWebhooks,
  checkWriting,
} from './checks.ts'
import { type Finding, look, ok, wrong } from './finding.ts'

/** In the order in which they are told. */
const checks: { [what: string]: (store: Store, config: Config) => Promise<Finding[]> } = {
  disk: checkDisk,
  writing: checkWriting,
  clock: checkClock,
  replica: checkReplica,
  server: checkServers,
  keys: checkKeys,
  sources: checkSources,
  webhooks: checkWebhooks,
}

export const doctor = defineCommand({
  meta: {
    name: 'doctor',
    description:
      'Look whether all is well, a line a finding with what to do; also beside a running server. Exits with 1 where something is wrong',
  },
  async run() {
    const findings: [what: string, Finding][] = []
    for await (const finding of examine()) {
      findings.push(finding)
      const [what, { state, text }] = finding
      print(`${state.padEnd(5)}  ${what.padEnd(8)}  ${toPrintableLine(text)}\n`)
    }
    if (findings.some(([, { state }]) => state === 'wrong')) process.exitCode = 1
  },
})

/** What one cannot go on without is looked at first: where it is wrong, nothing else can be said. */
async function* examine(): AsyncGenerator<[what: string, Finding]> {
  const [config, ofSettings] = await attempt(async () => readConfig(process.env))
  if (config === undefined) return yield ['settings', ofSettings]
  for (const finding of judgeSettings(config)) yield ['settings', finding]
  const [store, ofRecord] = await attempt(() => open(config))
  if (store === undefined) return yield ['database', ofRecord]
  try {
    yield [
      'database',
      ok(config.databaseUrl === undefined ? `${config.dataFolder}/rollcall.db opens` : 'PostgreSQL answers'),
    ]
    for (const [what, check] of Object.entries(checks)) {
      const [findings, failed] = await attempt(() => check(store, config))
      for (const finding of findings ?? [failed]) yield [what, finding]
    }
  } finally {
    await store.close()
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<[T, undefined] | [undefined, Finding]> {
  try {
    return [await work(), undefined]
  } catch (error) {
    return [undefined, wrong((error as Error).message)]
  }
}

function judgeSettings({ host, publicUrl, trustProxy, tls }: Config): Finding[] {
  const found: Finding[] = []
  const isOpen = !/^(127\.|::1$|localhost$)/.test(host)
  if (isOpen && tls === undefined && trustProxy === false) {
    found.push(look(`HOST=${host} is open to the network without TLS: put a proxy in front, see docs/proxies.md`))
  }
  if (trustProxy !== false && publicUrl === undefined) {
    found.push(look('ROLLCALL_TRUST_PROXY is on: set ROLLCALL_PUBLIC_URL to where clients reach the proxy'))
  }
  return found.length > 0 ? found : [ok('understood')]
}

function open(config: Config): Promise<Store> {
  const { databaseUrl, dataFolder, masterKey } = config
  if (databaseUrl === undefined) requireRecord(dataFolder)
  return openStore({
    ...{ databaseUrl, dataFolder, masterKey, rules: toRules(config), clock: systemClock, exclusive: false },
  })
}
