import { types } from 'node:util'
import { changes } from '../store/changes.ts'
import { keptOut } from '../store/kept-out.ts'
import { audit } from '../store/keys/audit.ts'
import { invites } from '../store/keys/invites.ts'
import { keys } from '../store/keys/keys.ts'
import { links } from '../store/keys/links.ts'
import { scopedKeys } from '../store/keys/scoped-keys.ts'
import { shares } from '../store/keys/shares.ts'
import { signIns } from '../store/keys/sign-ins.ts'
import { users } from '../store/keys/users.ts'
import { leases } from '../store/leases.ts'
import { looks } from '../store/looks.ts'
import { media } from '../store/media.ts'
import type { Over } from '../store/noun.ts'
import { deliveries } from '../store/outbox/deliveries.ts'
import { webhooks } from '../store/outbox/endpoints.ts'
import { people } from '../store/people/people.ts'
import { quality } from '../store/quality.ts'
import { retention } from '../store/retention.ts'
import { rooms } from '../store/rooms.ts'
import { schedules } from '../store/schedules.ts'
import { sessions } from '../store/sessions/sessions.ts'
import { signingKeys } from '../store/signing-keys.ts'
import { sources } from '../store/sources.ts'
import { trial } from '../store/trial.ts'
import { usage } from '../store/usage.ts'
import { erasure } from './erasure/erasure.ts'
import { roomErasure } from './erasure/room-erasure.ts'
import { sessionErasure } from './erasure/session-erasure.ts'
import { facts } from './facts/recording.ts'
import type { Replica } from './replica/replica.ts'
import { seals } from './seal.ts'
import type { Transaction } from './transaction.ts'
import { packing } from './usage/packing.ts'

/** Every noun of the store, once: what can be read and written, and how it is called, follows from this list. */
export const nouns = {
  keys,
  scopedKeys,
  users,
  signIns,
  shares,
  audit,
  invites,
  keptOut,
  rooms,
  sessions,
  schedules,
  facts,
  seals,
  changes,
  people,
  quality,
  media,
  sources,
  webhooks,
  deliveries,
  links,
  looks,
  leases,
  signingKeys,
  retention,
  erasure,
  sessionErasure,
  roomErasure,
  usage,
  packing,
  trial,
}

type Nouns = typeof nouns
type Side = 'reads' | 'writes'
/** A verb as its callers see it: without what it works over. */
type Bound<V> = V extends (over: never, ...args: infer Args) => infer Answer ? (...args: Args) => Answer : never
type Ends<S extends Side> = { [N in keyof Nouns]: { [V in keyof Nouns[N][S]]: Bound<Nouns[N][S][V]> } }

/** Reading, by noun and verb. Mostly of one key, named first; a missing thing is undefined. */
export type Reads = Ends<'reads'>
/** Writing, by noun and verb: each is durable when its promise resolves. */
export type Writes = Ends<'writes'>

/** A write on its way to the writer. */
export type Write = { noun: keyof Nouns; verb: string; input: unknown }

type Run = (over: unknown, ...args: unknown[]) => unknown

/** The reads over a connection of this thread; where there is a replica, lists and reports over what it lends. */
export function readsOver(over: Over, replica?: Replica): Reads {
  return ends('reads', (run, noun, verb) => {
    if (replica === undefined || !isReplicated(noun, verb)) return (...args) => run(over, ...args)
    return types.isGeneratorFunction(run)
      ? readInParts(run as Run as RunInParts, over, replica)
      : readAtOnce(run, over, replica)
  })
}

type RunInParts = (over: unknown, ...args: unknown[]) => AsyncGenerator

function readAtOnce(run: Run, over: Over, replica: Replica): (...args: unknown[]) => Promise<unknown> {
  return async (keyId, ...args) => {
    const { db, done } = await replica.borrow(keyId as number)
    try {
      return await run({ ...over, db }, keyId, ...args)
    } finally {
      done()
    }
  }
}

function readInParts(run: RunInParts, over: Over, replica: Replica): (...args: unknown[]) => AsyncGenerator {
  return async function* (keyId, ...args) {
    const { db, done } = await replica.borrow(keyId as number)
    try {
      yield* run({ ...over, db }, keyId, ...args)
    } finally {
      done()
    }
  }
}

/** The writes, each sent to whoever writes: a thread, a connection, or a command. */
export function writesBy(send: (write: Write) => Promise<unknown>): Writes {
  return ends('writes', (_, noun, verb) => (input) => send({ noun, verb, input }))
}

/** Does a write, in the writer's transaction. */
export async function perform(over: Transaction, { noun, verb, input }: Write): Promise<unknown> {
  const run = (nouns[noun].writes as { [verb: string]: Run })[verb]
  if (run === undefined) throw new Error(`${noun} has no write ${verb}`)
  return run(over, input)
}

/** Whether a read may be answered by a replica. */
function isReplicated(noun: keyof Nouns, verb: string): boolean {
  return (nouns[noun].replicated as string[] | undefined)?.includes(verb) === true
}

/** Whether a write shows on no page that is kept. */
export function isUnseen({ noun, verb }: Write): boolean {
  return (nouns[noun].unseen as string[] | undefined)?.includes(verb) === true
}

/** Whether a write may append to the numbered changes. */
export function mayChange({ noun, verb }: Write): boolean {
  return (nouns[noun].changes as string[] | undefined)?.includes(verb) === true
}

function ends<S extends Side>(
  side: S,
  toEnd: (run: Run, noun: keyof Nouns, verb: string) => (...args: unknown[]) => unknown,
): Ends<S> {
  const made = Object.entries(nouns).map(([noun, declared]) => {
    const verbs = Object.entries(declared[side] as unknown as { [verb: string]: Run })
    return [noun, Object.fromEntries(verbs.map(([verb, run]) => [verb, toEnd(run, noun as keyof Nouns, verb)]))]
  })
  return Object.fromEntries(made) as Ends<S>
}
