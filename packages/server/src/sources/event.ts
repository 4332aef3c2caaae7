import {
  assertNever,
  Events,
  type EventType,
  type Fact,
  type ReportedEvent,
  toCleanText,
  toIso,
} from '@rollcall/protocol'
import type { TObject } from 'typebox'
import { Refusal } from '../error.ts'
import type { NamedFact } from '../record/facts/rooms-of-facts.ts'
import { checkOf } from '../runtime/check.ts'
import { explain, isValues, quote } from '../runtime/explain.ts'
import { pickGiven } from '../runtime/given.ts'
import { parseTime } from '../runtime/parse-time.ts'

/** How far an event's time may lie ahead of our clock, in milliseconds. */
const eventAheadMaxMs = 5 * 60_000
/** The earliest time an event may have, in epoch milliseconds: an earlier one is in seconds, or missing. */
const eventEarliestAt = Date.UTC(2000, 0, 1)

const types = Object.keys(Events) as EventType[]
const checks = new Map(types.map((type) => [type as string, checkOf<TObject>(Events[type])]))

/**
 * The fact that an event reports; in `roomId` stands the sender's name for the room. Throws a `Refusal` that names what is
 * wrong, its value and what it takes.
 * @param show how the refusal repeats a wrong value
 */
export function toFact(given: unknown, source: string, now: number, show: Show = quote): NamedFact {
  return readFact(given, source, now, show) as object as NamedFact
}

type Show = typeof quote

function readFact(given: unknown, source: string, now: number, show: Show): Fact {
  const event = readEvent(given, show)
  const at = readTime('at', event.at, now, show)
  const base = { source, receivedAt: now, at }
  switch (event.type) {
    case 'source-started':
      return { ...event, ...base, roomId: '' }
    case 'session-started':
    case 'quality':
      return { ...event, ...base }
    case 'session-ended':
    case 'participant-joined':
      return { ...cleanTexts(event), ...base }
    case 'participant-left': {
      const { joinedAt: given, ...rest } = event
      if (given === undefined) return { ...cleanTexts(rest), ...base }
      const joinedAt = readTime('joinedAt', given, now, show)
      if (joinedAt <= at) return { ...cleanTexts(rest), ...base, joinedAt }
      return refuse(
        `joinedAt=${show(given)} is later than at=${show(event.at)}: it takes the time of the join that this leave ends`,
      )
    }
    case 'snapshot': {
      const participants = event.participants.map(({ joinedAt, ...rest }, i) => ({
        ...cleanTexts(rest),
        ...(joinedAt !== undefined && { joinedAt: readTime(`participants.${i}.joinedAt`, joinedAt, now, show) }),
      }))
      return { ...event, ...base, participants }
    }
    default:
      return assertNever(event)
  }
}

function readEvent(given: unknown, show: Show): ReportedEvent {
  if (!isValues(given)) refuse(`${show(given)} is not understood: it takes an object, which is one event`)
  const { type } = given
  const check = checks.get(type as string)
  if (check === undefined) {
    const wrong =
      type === undefined || type === null || type === '' ? 'type is missing' : `type=${show(type)} is not understood`
    refuse(`${wrong}: it takes ${types.slice(0, -1).join(', ')} or ${types.at(-1)}`)
  }
  const event = pickGiven(given, check.Type())
  return check.Check(event) ? (event as ReportedEvent) : refuse(explain(check, event, show))
}

function cleanTexts<T extends { name?: string; reason?: string }>(event: T): T {
  if (event.name !== undefined) event.name = toCleanText(event.name)
  if (event.reason !== undefined) event.reason = toCleanText(event.reason)
  return event
}

function readTime(name: string, given: number | string, now: number, show: Show): number {
  const at = parseTime(name, String(given), show)
  if (at >= eventEarliestAt && at <= now + eventAheadMaxMs) return at
  const shown = `${name}=${show(given)} is ${toIso(at)}`
  if (at > now) {
    refuse(
      `${shown}, ahead of the server's clock at ${toIso(now)}: it takes a time at most ${eventAheadMaxMs / 60_000} minutes ahead`,
    )
  }
  return refuse(`${shown}: it takes a time from ${toIso(eventEarliestAt)} on; as a number, in milliseconds`)
}

function refuse(message: string): never {
  throw new Refusal('BAD_REQUEST', message)
}
