import { type CloseName, closeCodes, isEventsSource, type Outcome } from '@rollcall/protocol'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What the parts report of their work, for `/metrics` to show. Labels are words of short lists: never an id, an address or a path. */
export type Metrics = {
  noteRequest(request: { method: string; route: string; status: number; seconds: number }): void
  /** A request that was no HTTP, too slow, or too large. */
  noteUnreadable(status: 400 | 408 | 431): void
  noteTokenRefused(reason: TokenFault): void
  noteRateLimited(limit: Limit): void
  noteFact(source: string, outcome: FactOutcome): void
  noteCommit(commit: Commit): void
  noteSocketEnd(end: SocketEnd): void
  noteLook(outcome: LookOutcome): void
  /** A list or a report was read, where there is a replica for them. */
  noteRead(from: ReadFrom): void
  /** The sources whose clocks are far from ours, all of them. */
  noteSkewed(sources: string[]): void
  /** Reads these numbers at each scrape; one that cannot be read is left out of it. */
  watch(gauges: { [name in GaugeName]: () => number | Promise<number> }, failed: (error: unknown) => void): void
  contentType: string
  text(): Promise<string>
}

/** `missing`: none came; `key`: its API key is unknown or disabled; `token`: anything else. */
export type TokenFault = 'missing' | 'key' | 'token'
export type Limit = 'key' | 'address'
/** `busy`: the queue was full; `failed`: the disk, or whatever else is ours. Both are for the sender to send again. */
export type FactOutcome = Outcome | 'busy' | 'failed'
/** How a socket ended: closed by us, by name, or disconnected by the peer. */
export type SocketEnd = CloseName | 'NORMAL' | 'DISCONNECTED'
/** Whether a media server answered when it was asked who is inside. */
export type LookOutcome = 'answered' | 'failed'
export type ReadFrom = 'replica' | 'primary'
/** One transaction of the writer. */
export type Commit = { facts: number; seconds: number }

const tokenFaults: TokenFault[] = ['missing', 'key', 'token']
const limits: Limit[] = ['key', 'address']
const reportingKinds = ['events', 'media-server'] as const
const sourceKinds = ['hosted', 'import', ...reportingKinds] as const
type SourceKind = (typeof sourceKinds)[number]
const outcomes: FactOutcome[] = ['recorded', 'duplicate', 'waiting', 'ignored', 'refused', 'busy', 'failed']
const socketEnds: SocketEnd[] = [...(Object.keys(closeCodes) as CloseName[]), 'NORMAL', 'DISCONNECTED']
const lookOutcomes: LookOutcome[] = ['answered', 'failed']
const readFroms: ReadFrom[] = ['replica', 'primary']
const unreadableStatuses = [400, 408, 431]

const gauges = {
  rollcall_sessions_open: 'Sessions that run, of all keys.',
  rollcall_facts_waiting: 'Facts that wait for the disk.',
  rollcall_rtc_sockets: 'Sockets on /v2/rtc, joined or not.',
  rollcall_replica_age_seconds:
    'How old what the replica has is at most; +Inf: it is not there, or further behind than is known.',
}
type GaugeName = keyof typeof gauges

/** Upper bounds, in seconds: from a page out of memory to where a caller gives up. */
const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** Upper bounds, in seconds: from one write of a good disk to a disk in trouble. */
const commitBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5]
const commitFactsBuckets = [0, 1, 2, 5, 10, 50, 100, 500, 1000, 5000]

/** The metrics of one server, with those of its process. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  watchTurns(registry)
  const instruments = createInstruments(registry)
  const factsOf = startAtZero(instruments)
  let rendering: Promise<string> | undefined
  return {
    noteRequest({ method, route, status, seconds }) {
      instruments.requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds)
    },
    noteUnreadable: (status) => instruments.unreadable.inc({ status }),
    noteTokenRefused: (reason) => instruments.tokensRefused.inc({ reason }),
    noteRateLimited: (limit) => instruments.rateLimited.inc({ limit }),
    noteFact: (source, outcome) => factsOf[kindOf(source)][outcome].inc(),
    noteCommit({ facts, seconds }) {
      instruments.commits.observe(seconds)
      instruments.commitFacts.observe(facts)
    },
    noteSocketEnd: (close) => instruments.closes.inc({ close }),
    noteLook: (outcome) => instruments.looks.inc({ outcome }),
    noteSkewed(sources) {
      for (const source of reportingKinds) {
        instruments.skewed.set({ source }, sources.filter((one) => kindOf(one) === source).length)
      }
    },
    noteRead: (from) => instruments.reads.inc({ from }),
    watch(read, failed) {
      for (const name of Object.keys(gauges) as GaugeName[]) {
        new Gauge({
          name,
          help: gauges[name],
          registers: [registry],
          async collect() {
            try {
              this.set(await read[name]())
            } catch (error) {
              this.remove()
              failed(error)
            }
          },
        })
      }
    },
    contentType: registry.contentType,
    /** Rendering takes some milliseconds: whoever asks meanwhile gets the same text. */
    text() {
      rendering ??= registry.metrics().finally(() => {
        rendering = undefined
      })
      return rendering
    },
  }
}

/** How often the processor time of this thread is looked at, in milliseconds. */
const turnLookMs = 5

/**
 * How long a turn of the event loop takes of the processor, whatever else runs on the machine: what passed between two looks, of
 * which there is one a turn where turns are long. The delay of the loop beside it also tells of a processor that others have.
 */
function watchTurns(registry: Registry): void {
  // Node has it from 23.9 on.
  if (typeof process.threadCpuUsage !== 'function') return
  let longestMicros = 0
  let before = process.threadCpuUsage()
  setInterval(() => {
    const now = process.threadCpuUsage()
    longestMicros = Math.max(longestMicros, now.user + now.system - before.user - before.system)
    before = now
  }, turnLookMs).unref()
  new Gauge({
    name: 'rollcall_event_loop_turn_max_seconds',
    help: 'The most processor time that one turn of the event loop took since the last scrape, to 5 ms.',
    registers: [registry],
    collect() {
      this.set(longestMicros / 1e6)
      longestMicros = 0
    },
  })
}

function createInstruments(registry: Registry) {
  const registers = [registry]
  const requests = new Histogram({
    name: 'rollcall_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
    registers,
  })
  const unreadable = new Counter({
    name: 'rollcall_http_unreadable_requests_total',
    help: 'Connections that were closed because what came was no HTTP (400), too slow (408) or too large (431).',
    labelNames: ['status'],
    registers,
  })
  const tokensRefused = new Counter({
    name: 'rollcall_http_tokens_refused_total',
    help: 'Requests without a token, with one of a key that is unknown or disabled, or with one that is no good.',
    labelNames: ['reason'],
    registers,
  })
  const rateLimited = new Counter({
    name: 'rollcall_http_rate_limited_requests_total',
    help: 'Requests that were answered 429, by the limit that they met.',
    labelNames: ['limit'],
    registers,
  })
  const facts = new Counter({
    name: 'rollcall_facts_total',
    help: 'Facts that were reported, by the kind of their source and what became of them.',
    labelNames: ['source', 'outcome'],
    registers,
  })
  const commits = new Histogram({
    name: 'rollcall_commit_duration_seconds',
    help: 'Time of one transaction of the writer, until it was durable.',
    buckets: commitBuckets,
    registers,
  })
  const commitFacts = new Histogram({
    name: 'rollcall_commit_facts',
    help: 'Facts in one transaction of the writer.',
    buckets: commitFactsBuckets,
    registers,
  })
  const skewed = new Gauge({
    name: 'rollcall_sources_skewed',
    help: 'Sources whose clocks are more than 5 seconds from ours, or whose deliveries are that late.',
    labelNames: ['source'],
    registers,
  })
  const looks = new Counter({
    name: 'rollcall_source_looks_total',
    help: 'Times that a media server was asked who is inside, by whether it said so.',
    labelNames: ['outcome'],
    registers,
  })
  const reads = new Counter({
    name: 'rollcall_replicated_reads_total',
    help: 'Lists and reports that a replica may answer, by where they were read from; counted where there is one.',
    labelNames: ['from'],
    registers,
  })
  const closes = new Counter({
    name: 'rollcall_rtc_closes_total',
    help: 'Sockets of /v2/rtc that ended, by the name of the close; DISCONNECTED: the peer went without a word.',
    labelNames: ['close'],
    registers,
  })
  return { requests, unreadable, tokensRefused, rateLimited, facts, commits, commitFacts, skewed, looks, reads, closes }
}

/**
 * Shows every label at 0 from the start: a rate can only be taken of what began at 0. Gives the counters of facts by their
 * labels, which are counted too often to be looked up each time.
 */
function startAtZero({
  unreadable,
  tokensRefused,
  rateLimited,
  facts,
  closes,
  looks,
  reads,
  skewed,
}: ReturnType<typeof createInstruments>) {
  for (const status of unreadableStatuses) unreadable.inc({ status }, 0)
  for (const reason of tokenFaults) tokensRefused.inc({ reason }, 0)
  for (const limit of limits) rateLimited.inc({ limit }, 0)
  const factsOf = Object.fromEntries(
    sourceKinds.map((source) => [source, Object.fromEntries(outcomes.map((one) => [one, facts.labels(source, one)]))]),
  ) as { [source in SourceKind]: { [outcome in FactOutcome]: Counter.Internal } }
  for (const ofSource of Object.values(factsOf)) for (const one of Object.values(ofSource)) one.inc(0)
  for (const close of socketEnds) closes.inc({ close }, 0)
  for (const outcome of lookOutcomes) looks.inc({ outcome }, 0)
  for (const from of readFroms) reads.inc({ from }, 0)
  for (const source of reportingKinds) skewed.set({ source }, 0)
  return factsOf
}

/** A caller of `POST /v2/events` names its reporters as it likes, and a media server's name is an id. */
function kindOf(source: string): SourceKind {
  if (source === 'hosted') return source
  if (source.startsWith('import/')) return 'import'
  return isEventsSource(source) ? 'events' : 'media-server'
}
