import { statfs } from 'node:fs/promises'
import type { Config } from '../../config.ts'
import type { Store } from '../../record/open-store.ts'
import { measureReplica } from '../../record/replica/measure.ts'
import type { HealthySource } from '../../store/sources.ts'
import { type Finding, look, ok, wrong } from './finding.ts'

/** Less free room than this is wrong, in bytes: a large session is written at once. */
const freeWrongBytes = 200e6
/** Less than this is worth a look, in bytes. */
const freeLookBytes = 2e9
/** A clock that is so far from the database's is worth a look, in milliseconds. */
const skewLookMs = 2000
/** The same of a sender's: what `rollcall_sources_skewed` counts. */
const senderSkewLookMs = 5000
/** A running server answers within this, in milliseconds. */
const answerMaxMs = 5000
/** A webhook that has been due for so long is sent by nobody, in milliseconds. */
const overdueMs = 10 * 60_000
/** Most endpoints of a key that are looked at. */
const endpointsMax = 1000

export async function checkDisk(_: unknown, { databaseUrl, dataFolder }: Config): Promise<Finding[]> {
  if (databaseUrl !== undefined) return [ok('is that of PostgreSQL: look there')]
  const { bavail, bsize } = await statfs(dataFolder)
  const free = bavail * bsize
  const text = `${(free / 1e9).toFixed(1)} GB free in ${dataFolder}`
  if (free < freeWrongBytes) return [wrong(`${text}: make room, or facts will be refused`)]
  return [free < freeLookBytes ? look(`${text}: make room, or set ROLLCALL_RETENTION_DAYS`) : ok(text)]
}

export async function checkWriting({ writes }: Store): Promise<Finding[]> {
  const startedAt = performance.now()
  await writes.trial.leave()
  await writes.trial.clear()
  return [ok(`a trial was written in ${Math.ceil(performance.now() - startedAt)} ms, and taken back`)]
}

export async function checkClock({ reads }: Store, { databaseUrl }: Config): Promise<Finding[]> {
  const now = Date.now()
  const apartMs = databaseUrl === undefined ? 0 : (await reads.trial.findServiceTime()) - now
  if (Math.abs(apartMs) > skewLookMs) {
    return [look(`${inWords(apartMs)} from the database’s: run NTP on both`)]
  }
  const kept = await reads.retention.findTime()
  if (kept !== undefined && kept.seenAt - now > skewLookMs) {
    return [wrong(`${inWords(kept.seenAt - now)} behind what it was at the last look: run NTP`)]
  }
  return [ok(new Date(now).toISOString())]
}

export async function checkServers({ addresses }: Store): Promise<Finding[]> {
  const found = await addresses()
  if (found.length === 0) return [look('none runs: start it')]
  return Promise.all(found.map(askServer))
}

async function askServer(address: string): Promise<Finding> {
  try {
    const { status } = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(answerMaxMs) })
    if (status === 200) return ok(`${address} is ready`)
    return wrong(`${address} is not ready (${status}): its log says why`)
  } catch {
    return look(`${address} does not answer from here: it was stopped or killed, or is on another network`)
  }
}

export async function checkReplica(_: unknown, { databaseUrl, readReplica }: Config): Promise<Finding[]> {
  if (databaseUrl === undefined || readReplica === undefined)
    return [ok('none: lists and reports are read from where all is')]
  const { url, maxAgeMs } = readReplica
  try {
    const behindMs = await measureReplica(databaseUrl, { url, maxAgeMs })
    if (behindMs !== undefined) return [ok(`${inWords(behindMs)} behind`)]
    return [
      look(`more than ${inWords(maxAgeMs)} behind: lists and reports are read from the primary until it has caught up`),
    ]
  } catch (error) {
    return [look(`lists and reports are read from the primary: the replica: ${(error as Error).message}`)]
  }
}

export async function checkKeys({ reads }: Store): Promise<Finding[]> {
  const keys = await reads.keys.list()
  const enabled = keys.filter(({ disabledAt }) => disabledAt === null).length
  if (enabled === 0) return [wrong('none is enabled: rollcall keys add --name <whose it is>')]
  return [ok(`${enabled} of ${keys.length} enabled`)]
}

export async function checkSources({ reads }: Store): Promise<Finding[]> {
  const sources = await reads.sources.listAll()
  return sources.length === 0 ? [ok('none')] : sources.map(judgeSource)
}

function judgeSource({ name, type, health }: HealthySource): Finding {
  const { lastFactAt, lastError, lastErrorAt, skewMs } = health
  const source = `${name} (${type})`
  if (lastError !== null && (lastErrorAt ?? 0) > (lastFactAt ?? 0)) return wrong(`${source}: ${lastError}`)
  if (lastFactAt === null) {
    return look(`${source} was never heard: give it what rollcall source add printed, and see docs/engines`)
  }
  if (Math.abs(skewMs ?? 0) > senderSkewLookMs) {
    return look(`${source}: its clock is ${inWords(skewMs ?? 0)} from ours: run NTP there`)
  }
  return ok(`${source} was heard last at ${new Date(lastFactAt).toISOString()}`)
}

export async function checkWebhooks({ reads }: Store): Promise<Finding[]> {
  const found: Finding[] = []
  let total = 0
  for (const { keyId, disabledAt } of await reads.keys.list()) {
    if (disabledAt !== null) continue
    const { endpoints } = await reads.webhooks.list(keyId, {}, { page: 1, perPage: endpointsMax })
    total += endpoints.length
    for (const endpoint of endpoints) {
      const { id, endPoint } = endpoint
      if (endpoint.disabledAt !== null) {
        found.push(
          wrong(`${id} to ${endPoint} is disabled: ${endpoint.disabledReason ?? 'by hand'}; enable it, and replay`),
        )
      } else if (endpoint.failingSince !== null) {
        const since = new Date(endpoint.failingSince).toISOString()
        found.push(look(`${id} to ${endPoint} fails since ${since}: its deliveries have the reason`))
      }
    }
    const waiting = await reads.deliveries.findWaitingEndpoint(keyId, '')
    if (waiting !== undefined && Date.now() - waiting.at > overdueMs) {
      found.push(
        wrong(
          `what is due to ${waiting.endpointId} since ${new Date(waiting.at).toISOString()} is not sent: is a server running?`,
        ),
      )
    }
  }
  return found.length > 0 ? found : [ok(`${total} endpoints, none failing`)]
}

function inWords(ms: number): string {
  return `${(Math.abs(ms) / 1000).toFixed(1)} s`
}
