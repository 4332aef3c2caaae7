import { setTimeout as delay } from 'node:timers/promises'
import { reporterIn, sourceIdOf } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Session } from '../../ledger/state.ts'
import { foldStays } from '../../ledger/stays.ts'
import { FetchFailure, type GuardedFetch } from '../../runtime/guarded-fetch.ts'
import type { Source } from '../../store/sources.ts'
import { type Engines, engineFor } from '../engines/engines.ts'
import {
  type Ask,
  createAsk,
  type MediaServer,
  type MediaServerCommand,
  MediaServerRefusal,
} from '../engines/media-server.ts'
import type { SourceHealth } from '../health.ts'
import { loggedNameOf } from '../source-name.ts'

/** Whether whoever runs the session executed the command: false where it takes no commands. */
export type Enforced = boolean | 'pending'

export type MediaServerCommandLimits = {
  /** Whoever gave the command waits for the media server no longer than this, in milliseconds. */
  waitMs: number
  /** A command without an answer is sent again after each of these, in milliseconds. */
  retryMs: number[]
}
export const mediaServerCommandLimits: MediaServerCommandLimits = {
  waitMs: 5000,
  retryMs: [1000, 5000, 15_000, 45_000, 120_000],
}

/** Sends commands to media servers, about the sessions that run in them. */
export type MediaServerCommands = {
  /**
   * Call it before the command is recorded: it keeps who is inside.
   * @param participantId whom to remove; without one, the command ends the session
   * @returns executes the command
   */
  prepare(keyId: number, session: Session, participantId?: string): Promise<() => Promise<Enforced>>
  stop(): Promise<void>
}

type Parts = {
  engines: Engines
  guardedFetch: GuardedFetch
  sourceHealth: Pick<SourceHealth, 'noteError'>
  limits: MediaServerCommandLimits
}

export function createMediaServerCommands(
  { reads, clock, log }: Pick<Context, 'reads' | 'clock' | 'log'>,
  { engines, guardedFetch, sourceHealth, limits }: Parts,
): MediaServerCommands {
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()

  return {
    async prepare(keyId, session, participantId) {
      const source = await reads.sources.find(sourceIdOf(session.source))
      if (source === undefined || source.keyId !== keyId) return async () => false
      const { api } = engineFor(engines, source.type)
      if (api === undefined || !api.isReachable(source.settings)) return async () => false
      const command = await toCommand(reads, keyId, session)
      const ask = createAsk({ guardedFetch, clock, signal: stopping.signal })
      return () => execute(source, (isRetry) => send(api, ask, source, { ...command, isRetry }, participantId))
    },

    async stop() {
      stopping.abort(new Error('the server stops'))
      await Promise.all(underWay)
    },
  }

  /** Resolves with the outcome of the first try, or `pending` after `waitMs`. Retries go on without the caller. */
  async function execute(source: Source, attempt: (isRetry: boolean) => Promise<void>): Promise<Enforced> {
    const { promise: late, resolve: giveUp } = Promise.withResolvers<Enforced>()
    const timer = setTimeout(giveUp, limits.waitMs, 'pending')
    const { promise: first, resolve: answer } = Promise.withResolvers<Enforced>()
    const work = sendWithRetries(source, attempt, answer).finally(() => underWay.delete(work))
    underWay.add(work)
    try {
      return await Promise.race([first, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** @param answer is called with the outcome of the first try */
  async function sendWithRetries(
    source: Source,
    attempt: (isRetry: boolean) => Promise<void>,
    answer: (enforced: Enforced) => void,
  ): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await attempt(tries > 0)
        return answer(true)
      } catch (error) {
        if (stopping.signal.aborted) return answer('pending')
        sourceHealth.noteError(source, `It did not do as it was told: ${(error as Error).message}`)
        if (isFinal(error)) {
          log.warn({ source: loggedNameOf(source.id), err: error }, 'command refused by media server')
          return answer(false)
        }
        answer('pending')
        const retryMs = limits.retryMs[tries]
        if (retryMs === undefined) {
          log.warn(
            { source: loggedNameOf(source.id), err: error },
            'command not delivered: media server did not respond',
          )
          return
        }
        if (!(await pause(retryMs))) return
      }
    }
  }

  function pause(ms: number): Promise<boolean> {
    return delay(ms, true, { signal: stopping.signal }).catch(() => false)
  }
}

type Settings = Source['settings']

async function toCommand(
  reads: Pick<Context['reads'], 'rooms' | 'sources'>,
  keyId: number,
  { id, roomId, sessionKey, source }: Session,
): Promise<Omit<MediaServerCommand, 'isRetry'>> {
  const room = await reads.rooms.find(keyId, roomId)
  const marks = await reads.sources.listMarksOfInside(keyId, id)
  const inside = [...Map.groupBy(marks, (mark) => mark.participantId)].flatMap(([participantId, ofPerson]) =>
    foldStays(ofPerson)
      .stays.filter(({ leftAt }) => leftAt === null)
      .map(({ connectionId }) => ({ participantId, connectionId })),
  )
  return { reporter: reporterIn(source), roomNames: [room?.customRoomId ?? roomId, roomId], sessionKey, inside }
}

function send(
  api: MediaServer<Settings>,
  ask: Ask,
  { settings }: Source,
  command: MediaServerCommand,
  participantId: string | undefined,
): Promise<void> {
  return participantId === undefined
    ? api.end(ask, settings, command)
    : api.remove(ask, settings, { ...command, participantId })
}

/** A retry would not help. */
function isFinal(error: unknown): boolean {
  return error instanceof MediaServerRefusal || (error instanceof FetchFailure && error.code === 'ADDRESS')
}
