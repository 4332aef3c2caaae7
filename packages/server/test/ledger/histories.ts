import assert from 'node:assert/strict'
import type { Fact, SessionFact } from '@rollcall/protocol'
import fc from 'fast-check'
import { type ModelSession, modelNamed, modelUnnamed } from './model.ts'
import { rules, type World } from './world.ts'

/** A quarter of an hour ends within a history: of what is seen more often, the first and the last of each are kept. */
const start = Date.UTC(2026, 0, 5, 8, 59, 20)

type Step = {
  kind: 'joined' | 'left' | 'whole' | 'seen' | 'started' | 'ended'
  who: number
  connection: number
  at: number
  since: number
  session: number
  name: number
  late: number
  clock: 'right' | 'ahead' | 'behind'
  corrected: number
  undated: number
}

// Few people, connections and moments, so that they meet: the rules are about what meets.
const step = fc.record<Step>({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('joined' as const) },
    { weight: 6, arbitrary: fc.constant('left' as const) },
    { weight: 2, arbitrary: fc.constant('whole' as const) },
    { weight: 2, arbitrary: fc.constant('seen' as const) },
    { weight: 1, arbitrary: fc.constant('started' as const) },
    { weight: 1, arbitrary: fc.constant('ended' as const) },
  ),
  who: fc.nat(2),
  connection: fc.nat(2),
  at: fc.nat(12),
  since: fc.nat(12),
  session: fc.nat(1),
  name: fc.nat(3),
  // A clock that is a little off, or one of whole seconds.
  late: fc.constantFrom(0, 0, 0, 1, 400, 1000, 1001),
  // One that is wrong: what it says cannot be.
  clock: fc.constantFrom('right', 'right', 'right', 'right', 'right', 'right', 'ahead', 'behind'),
  // By how much its time was moved already, since its source's clock is wrong.
  corrected: fc.constantFrom(0, 0, 0, 0, -600_000, 600_000, 1200),
  undated: fc.nat(3),
})

const hourMs = 3_600_000
/** How wrong a clock is, in milliseconds. */
const skewMs = { right: 0, ahead: hourMs, behind: -32 * 24 * hourMs }

/** A media server's facts come a moment after they happened: of `events` any past is believed. */
type Sender = { connections: boolean; isLive: boolean; tellsEnds: boolean }

function toFact(step: Step, i: number, { connections, isLive, tellsEnds }: Sender): SessionFact {
  const happenedAt = start + step.at * 7000 + step.late
  // What has no possible time tells nothing of a session that is over, where that is known by then: the order matters.
  const isOfPerson = ['joined', 'left', 'whole'].includes(step.kind)
  const skew = skewMs[step.clock === 'behind' && (!isLive || (tellsEnds && !isOfPerson)) ? 'right' : step.clock]
  const at = happenedAt + skew
  const source = isLive ? 'media-server' : 'events'
  const receivedAt = isLive ? happenedAt + 1 : happenedAt
  const { corrected: clockCorrectedMs } = step
  const base = {
    ...{ id: `f${i}`, source, roomId: 'room', sessionKey: `s${step.session}`, at, receivedAt },
    ...(clockCorrectedMs !== 0 && { clockCorrectedMs }),
  }
  const participantId = `p${step.who}`
  const who = { participantId, ...(connections && { connectionId: `c${step.who}-${step.connection}` }) }
  switch (step.kind) {
    case 'joined':
      return { ...base, ...who, type: 'participant-joined', ...(step.name > 0 && { name: `name ${step.name}` }) }
    case 'left': {
      const left = { ...base, ...who, type: 'participant-left' as const, reason: `reason ${i}` }
      return isLive && step.undated === 0 ? { ...left, at: receivedAt, isUndated: true } : left
    }
    case 'whole': {
      // Now and then later than the leave: clocks differ.
      const joinedAt = start + step.since * 7000 + skew
      return { ...base, ...who, type: 'participant-left', joinedAt, reason: `reason ${i}` }
    }
    case 'seen':
      return { ...base, ...who, type: 'participant-seen', ...(step.name > 0 && { name: `name ${step.name}` }) }
    case 'started':
      return { ...base, type: 'session-started' }
    case 'ended':
      return { ...base, type: tellsEnds ? 'session-ended' : 'session-started' }
  }
}

/** Everything once, in any order, and some of it again. */
const anyOrder = (count: number) =>
  fc.tuple(
    fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
    fc.array(fc.nat(Math.max(0, count - 1)), { maxLength: 4 }),
  )

const namedHistory = fc
  .tuple(
    fc.array(step, { minLength: 1, maxLength: 12 }),
    fc.record<Sender>({ connections: fc.boolean(), isLive: fc.boolean(), tellsEnds: fc.boolean() }),
    fc.integer({ min: 1, max: 6 }),
  )
  .chain(([steps, sender, perTransaction]) =>
    anyOrder(steps.length).map(([order, again]) => ({
      facts: steps.map((one, i) => toFact(one, i, sender)),
      order: [...order, ...again],
      perTransaction,
    })),
  )

/** An ordered stream of one room, as a media server sends it: joins and leaves that fit, some leaves lost, some sent twice. */
const stream = fc
  .array(
    fc.record({
      gap: fc.constantFrom(0, 1, 900, 5000, 19_999, 20_000, 20_001, 45_000),
      who: fc.nat(3),
      lost: fc.nat(9),
      twice: fc.nat(5),
      seen: fc.nat(4),
    }),
    {
      minLength: 1,
      maxLength: 16,
    },
  )
  .map((steps) => {
    const facts: SessionFact[] = []
    const inside = new Map<number, string>()
    let at = start
    for (const [i, { gap, who, lost, twice, seen }] of steps.entries()) {
      at += gap
      const base = { source: 'hosted', roomId: 'room', at, receivedAt: at, participantId: `p${who}` }
      const connectionId = inside.get(who) ?? `c${i}`
      if (inside.has(who) && seen === 0) {
        facts.push({ ...base, connectionId, id: `f${i}`, type: 'participant-seen' })
        continue
      }
      const fact: SessionFact = inside.has(who)
        ? { ...base, connectionId, id: `f${i}`, type: 'participant-left', reason: `reason ${i}` }
        : { ...base, connectionId, id: `f${i}`, type: 'participant-joined', name: `name ${who}` }
      if (inside.has(who)) inside.delete(who)
      else inside.set(who, connectionId)
      if (fact.type === 'participant-left' && lost === 0) continue
      facts.push(fact)
      if (twice === 0) facts.push({ ...fact, receivedAt: at + 1 })
    }
    return facts
  })

function restartOf(source: string, at: number): Fact {
  return { id: 'restart', type: 'source-started', source, roomId: '', at, receivedAt: at }
}

/** Sessions that start together stand in the order of their ids, which tell nothing. */
function byStart(a: ModelSession, b: ModelSession): number {
  return a.start - b.start || JSON.stringify(a).localeCompare(JSON.stringify(b))
}

/** Of two as far the one of a clock that is ahead. */
function furthestCorrection(facts: SessionFact[]): number {
  const corrections = facts.map(({ clockCorrectedMs = 0 }) => clockCorrectedMs)
  return corrections.sort((a, b) => Math.abs(b) - Math.abs(a) || a - b)[0] ?? 0
}

const once = (facts: SessionFact[]) => [...new Map(facts.map((fact) => [fact.id, fact])).values()]

export type PropertyName = 'named' | 'unnamed' | 'delayed' | 'withdrawn' | 'moved'

export type Property = {
  /** What holds, as the title of a test. */
  title: string
  /** Of a hundred histories, how many it is tried with. */
  share: number
  /** Throws, with the history as short as it gets, where it does not hold. */
  check(world: World, options: { histories: number; seed: number }): Promise<void>
}

const named: Property = {
  title: 'named facts give the same record in any order, doubled or not',
  share: 58,
  check: (world, { histories, seed }) =>
    fc.assert(
      fc.asyncProperty(namedHistory, async ({ facts, order, perTransaction }) => {
        const keyId = world.newKey()
        const arriving = order.map((i) => facts[i]).filter((fact) => fact !== undefined)
        await world.play(keyId, arriving, perTransaction)
        await world.sweep()
        assert.deepEqual((await world.visible(keyId)).sort(byStart), modelNamed(facts).sort(byStart))
        for (const { session } of await world.list(keyId)) {
          const ofSession = facts.filter(({ sessionKey }) => sessionKey === session.sessionKey)
          assert.equal(session.clockCorrectedMs, furthestCorrection(ofSession))
        }
        await world.checkInvariants(keyId, facts)
      }),
      { numRuns: histories, seed },
    ),
}

const unnamed: Property = {
  title: 'unnamed facts of an ordered stream, doubled and with leaves lost',
  share: 22,
  check: (world, { histories, seed }) =>
    fc.assert(
      fc.asyncProperty(stream, fc.integer({ min: 1, max: 6 }), fc.boolean(), async (facts, perTransaction, sweeps) => {
        const keyId = world.newKey()
        for (let from = 0; from < facts.length; from += perTransaction) {
          const some = facts.slice(from, from + perTransaction)
          await world.play(keyId, some, perTransaction)
          // Whether somebody looked in between, or only at the end, makes no difference.
          if (sweeps) await world.sweep(some.at(-1)?.at)
        }
        await world.sweep()
        assert.deepEqual(await world.visible(keyId), modelUnnamed(once(facts), rules.graceMs))
        await world.checkInvariants(keyId, facts)
      }),
      { numRuns: histories, seed },
    ),
}

const shuffledStream = stream.chain((facts) =>
  fc.tuple(fc.constant(facts), fc.shuffledSubarray(facts, { minLength: facts.length })),
)

const delayed: Property = {
  title: 'unnamed facts in any order never break the record',
  share: 12,
  check: (world, { histories, seed }) =>
    fc.assert(
      fc.asyncProperty(shuffledStream, async ([, facts]) => {
        const keyId = world.newKey()
        await world.play(keyId, facts)
        await world.checkInvariants(keyId, facts)
        await world.sweep()
        await world.checkInvariants(keyId, facts)
      }),
      { numRuns: histories, seed },
    ),
}

const withdrawn: Property = {
  title: 'an end that was inferred leaves no trace once the leave that was late arrives',
  share: 4,
  check: (world, { histories, seed }) =>
    fc.assert(
      fc.asyncProperty(namedHistory, fc.option(fc.nat(12)), async (history, restartAt) => {
        // A stay told whole may end where another began: without its own leave nobody can say that it is over.
        const facts = history.facts.filter((fact) => fact.type !== 'participant-left' || fact.joinedAt === undefined)
        const [plain, inferred] = [world.newKey(), world.newKey()]
        const leaves = facts.flatMap((fact) =>
          fact.type === 'participant-joined' || fact.type === 'participant-seen'
            ? [{ ...fact, id: `${fact.id} leaves`, type: 'participant-left' as const, at: start + 100_000 }]
            : [],
        )
        await world.play(plain, [...facts, ...leaves])
        await world.play(inferred, facts)
        // Either the source restarts, or it is silent for so long that it counts as gone.
        if (restartAt === null) await world.sweep()
        else await world.play(inferred, [restartOf(facts[0]?.source ?? 'events', start + restartAt * 7000)])
        await world.play(inferred, leaves)
        await world.sweep()
        assert.deepEqual((await world.visible(inferred)).sort(byStart), (await world.visible(plain)).sort(byStart))
        await world.checkInvariants(inferred, facts)
      }),
      { numRuns: histories, seed },
    ),
}

/** Joins, and leaves that say when the join was, of a sender that learns late which life of a room they are of. */
const missedBeginning = fc
  .tuple(fc.array(step, { minLength: 1, maxLength: 12 }), fc.boolean(), fc.nat(12), fc.constantFrom('absorbs', 'takes'))
  .chain(([steps, connections, sinceStep, how]) => {
    const facts = steps.map(({ kind, ...one }, i) => {
      const told: Step = { ...one, kind: kind === 'joined' ? kind : 'whole', clock: 'right' }
      return toFact(told, i, { connections, isLive: false, tellsEnds: true })
    })
    return anyOrder(facts.length).map(([order, again]) => ({
      how,
      since: start + sinceStep * 7000,
      facts,
      order: [...order, ...again],
    }))
  })

const moved: Property = {
  title: 'a life of a room whose beginning was missed has what is its own once it is known, and no other has',
  share: 4,
  check: (world, { histories, seed }) =>
    fc.assert(
      fc.asyncProperty(missedBeginning, async ({ how, since, facts, order }) => {
        const keyId = world.newKey()
        const base = { source: 'events', roomId: 'room', type: 'session-started' as const, id: 'known' }
        const isAbsorbed = how === 'absorbs'
        const known: SessionFact = isAbsorbed
          ? { ...base, sessionKey: 's0', at: start, receivedAt: start, absorbs: ['s1'] }
          : { ...base, sessionKey: 's1', at: since, receivedAt: since, takes: [{ sessionKey: 's0', since }] }
        const asTold = isAbsorbed ? facts : facts.map((fact) => ({ ...fact, sessionKey: 's0' }))
        const isOfNewer = (fact: SessionFact) => (('joinedAt' in fact && fact.joinedAt) || fact.at) >= since
        const right = facts.map((fact) => ({ ...fact, sessionKey: !isAbsorbed && isOfNewer(fact) ? 's1' : 's0' }))
        await world.play(
          keyId,
          order.map((i) => asTold[i]).filter((fact) => fact !== undefined),
        )
        await world.play(keyId, [known])
        await world.sweep()
        const { absorbs: _, takes: __, ...begins } = known
        const model = modelNamed([...right, begins])
        assert.deepEqual((await world.visible(keyId)).sort(byStart), model.sort(byStart))
        await world.checkInvariants(keyId, [...asTold, known])
      }),
      { numRuns: histories, seed },
    ),
}

/** What holds of every history, whatever it is. */
export const properties: { [name in PropertyName]: Property } = { named, unnamed, delayed, withdrawn, moved }

/** How many histories each property is tried with, of so many in all. */
export function shareOut(histories: number): [name: PropertyName, histories: number][] {
  return (Object.keys(properties) as PropertyName[]).map((name) => [
    name,
    Math.ceil((histories * properties[name].share) / 100),
  ])
}
