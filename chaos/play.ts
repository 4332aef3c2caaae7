import type { SessionFact } from '@rollcall/protocol'
import { signToken } from '../packages/server/src/api/auth/token.ts'
import { call, listSeen, makeRoom } from './calls.ts'
import { compareWithModel, compareWithVisits, type SeenSession, type Wrongs } from './compare.ts'
import type { Harm } from './harm.ts'
import { type Log, openLog } from './log.ts'
import { startPeople } from './people.ts'
import { createRandom, type Random } from './random.ts'
import { nameOf, type SenderParts, type Sent, sendAll } from './senders.ts'
import type { Servers } from './server.ts'
import { openWebhooks } from './webhooks.ts'
import { createWorld, graceSeconds, type Told, type World } from './world.ts'

export type PlayOptions = {
  rounds: number
  seed: number
  /** Ends it after the round under way. */
  signal: AbortSignal | undefined
  /** Whose tokens the servers take. */
  key: { apiKey: string; secret: string }
  servers: Servers
  harm: Harm
  where: { dataFolder: string; databaseUrl: string | undefined }
}

/** What was seen of a world that was played. */
export type Played = Wrongs & {
  rounds: number
  /** Facts that were acknowledged, among them those of hosted rooms. */
  facts: number
  sessions: number
  visits: number
  /** Calls that got no answer. */
  failed: number
  /** Webhooks that were taken, those that came again among them. */
  webhooks: number
  /** Webhooks that never came, or came out of the order of their session. */
  untold: string[]
}

/** A world under way, and all that has a part in it. */
type Play = Pick<PlayOptions, 'seed' | 'servers' | 'harm'> & {
  random: Random
  world: World
  sign(): Promise<string>
  sent: Sent
  log: Log
  lost: Set<string>
  /** All that was told, or will be. */
  told: SessionFact[]
  /** What is told in the next round. */
  delayed: Told[]
  rooms: string[]
  webhooks: Awaited<ReturnType<typeof openWebhooks>>
  people: ReturnType<typeof startPeople>
}

/** How long what is to be concluded at the end may take, in milliseconds. */
const settleMs = 30_000
/** Facts of a round that are told in the next. */
const delayedShare = 0.1

/** Has a world recorded, does harm in each round, and gives what is there in the end. */
export async function play(options: PlayOptions, say: (line: string) => void): Promise<Played> {
  const { rounds, signal } = options
  const all = await begin(options)
  let played = 0
  while (played < rounds && signal?.aborted !== true) {
    await playRound(all, played + 1, say)
    played += 1
  }
  await all.people.stop()
  await Promise.all(all.delayed.map((one) => sendAll(one, { ...all, answered: () => {} })))
  const { seen, wrongs } = await settle(all)
  const { webhooks, untold } = await settleWebhooks(all)
  return {
    rounds: played,
    facts: all.log.names.size,
    sessions: seen.length,
    visits: all.people.visits.length,
    failed: all.sent.failed,
    ...addLog(wrongs, all),
    webhooks,
    untold,
  }
}

async function begin({ seed, key, servers, harm, where }: PlayOptions): Promise<Play> {
  const random = createRandom(seed)
  const world = createWorld(random)
  const sign = () => signToken(key, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
  const sent: Sent = { answered: new Set(), calls: 0, failed: 0, forgotten: 0 }
  const log = openLog(where)
  await Promise.all(servers.each.map((one) => one.start()))
  const rooms = await Promise.all([makeRoom(servers, sign), makeRoom(servers, sign)])
  const webhooks = await openWebhooks((...of) => call(servers, sign, ...of), createRandom(seed + 1))
  const people = startPeople(rooms, { servers, seed, sign })
  const books = { lost: new Set<string>(), told: [], delayed: [] }
  return { seed, servers, harm, random, world, sign, sent, log, rooms, webhooks, people, ...books }
}

/** Breaks something, and mends it, while all that a round brings is sent. */
async function playRound(all: Play, round: number, say: (line: string) => void): Promise<void> {
  const { seed, harm, random, sent, log, lost, webhooks, people } = all
  const news = nextNews(all)
  const before = { calls: sent.calls, failed: sent.failed, facts: sent.answered.size, visits: people.visits.length }
  const strikeAfter = 1 + random.below(30)
  const sending = startSending(news, strikeAfter, { ...all, random: createRandom(seed + 7919 * round) })
  await sending.reached
  await new Promise((resolve) => setTimeout(resolve, random.below(20)))
  if (random.chance(0.2)) await webhooks.restart()
  const struck = await harm.strike()
  const acknowledged = [...sent.answered]
  await harm.mend()
  await log.read()
  for (const name of acknowledged) if (!log.names.has(name)) lost.add(`${name} was answered before round ${round}`)
  await sending.all
  say(
    `round ${round}: after ${sending.answers() < strikeAfter ? 'all' : strikeAfter} answers ${struck}; ${sent.answered.size - before.facts} facts in ${
      sent.calls - before.calls
    } calls, ${sent.failed - before.failed} without an answer; ${people.visits.length - before.visits} visits; lost ${lost.size}, doubled ${log.doubled}`,
  )
}

/** What is told in the next round: its own, and what was held back before. */
function nextNews(all: Play): Told[] {
  const { world, random, told, delayed } = all
  const news = world.nextRound()
  told.push(...news.flatMap(({ facts }) => facts))
  all.delayed = news.filter(({ inOrder }) => !inOrder).map((one) => holdBack(one, random))
  return [...news, ...delayed]
}

/** Takes some out of a round, to be told in the next. */
function holdBack(one: Told, random: Random): Told {
  const late = one.facts.filter(() => random.chance(delayedShare))
  one.facts = one.facts.filter((fact) => !late.includes(fact))
  return { ...one, facts: late }
}

/** Sends it all. `reached` resolves when so many calls were answered, or all were. */
function startSending(news: Told[], strikeAfter: number, parts: Omit<SenderParts, 'answered'>) {
  const reached = Promise.withResolvers<void>()
  let answers = 0
  const answered = () => {
    answers += 1
    if (answers === strikeAfter) reached.resolve()
  }
  const all = Promise.all(news.map((one) => sendAll(one, { ...parts, answered })))
  // What goes wrong is thrown where it is awaited, after the harm.
  all.then(
    () => reached.resolve(),
    () => reached.resolve(),
  )
  return { all, reached: reached.promise, answers: () => answers }
}

/** Whatever is to be concluded takes its time: gives the sessions as they are when it is, or when that took too long. */
async function settle({ servers, sign, people, told, rooms }: Play): Promise<{ seen: SeenSession[]; wrongs: Wrongs }> {
  const deadline = performance.now() + settleMs
  for (;;) {
    const seen = await listSeen(servers, sign)
    const wrongs = compareWithVisits(people.visits, seen)
    wrongs.different.push(...compareWithModel(told, graceSeconds * 1000, seen))
    const isSettled =
      wrongs.different.length === 0 && seen.every((one) => !rooms.includes(one.room) || one.end !== null)
    if (isSettled || performance.now() >= deadline) return { seen, wrongs }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function settleWebhooks({ webhooks, log }: Play): Promise<{ webhooks: number; untold: string[] }> {
  const { webhooks: taken, missing, disordered } = await webhooks.settle(await log.listChanges())
  await webhooks.stop()
  await log.read()
  return { webhooks: taken, untold: [...missing, ...disordered] }
}

/** Adds what the log shows to what the sessions show. */
function addLog(wrongs: Wrongs, { told, log, lost, sent }: Play): Wrongs {
  for (const fact of told) if (!log.names.has(nameOf(fact))) lost.add(`${nameOf(fact)} is not in the log`)
  if (sent.forgotten > 0) lost.add(`${sent.forgotten} facts were new to the server after they had been answered`)
  const doubled = log.doubled > 0 ? [`${log.doubled} facts are in the log twice`] : []
  return { lost: [...lost, ...wrongs.lost], doubled: [...doubled, ...wrongs.doubled], different: wrongs.different }
}
