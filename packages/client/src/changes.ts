import type { StreamedChange, StreamReset } from '@rollcall/protocol'
import type { Api } from './api.ts'
import { backoffMs } from './backoff.ts'
import { RollcallError } from './error.ts'
import { changesBackoff, changesSilenceMs } from './limits.ts'

/** Which changes: without a room or session those of the whole key. */
export type ChangeOptions = {
  /** Changes after the one of this number; 0 is all that are kept. Without it, those that come from now on. */
  after?: number
  /** One room's roomId, customRoomId or id. */
  roomId?: string
  sessionId?: string
  /** Ends the walk when it is aborted. */
  signal?: AbortSignal
}

/**
 * A change; or `type: 'reset'`, where the server does not have the changes any more that come after the last one: the walk goes
 * on after `seq`, and what lies between has to be read from the sessions.
 */
export type FollowedChange = StreamedChange | ({ type: 'reset' } & StreamReset)

/** Follows the changes, on one connection after the other, each of which goes on where the last one ended. */
export async function* followChanges(
  api: Pick<Api, 'open'>,
  { after, roomId, sessionId, signal }: ChangeOptions,
): AsyncGenerator<FollowedChange, void, undefined> {
  let last = after
  let failures = 0
  const isOver = () => signal?.aborted === true
  while (!isOver()) {
    const broken = new AbortController()
    const giveUp = () => broken.abort()
    signal?.addEventListener('abort', giveUp)
    try {
      for await (const message of readMessages(api, { after: last, roomId, sessionId }, broken)) {
        failures = 0
        if (message.id !== undefined) last = message.id
        if (message.event === 'closed') break
        if (message.data === undefined) continue
        const data = JSON.parse(message.data)
        yield message.event === 'reset' ? { type: 'reset', ...data } : data
      }
    } catch (error) {
      if (isOver()) return
      if (!isPassing(error)) throw error
    } finally {
      signal?.removeEventListener('abort', giveUp)
      broken.abort()
    }
    failures += 1
    await pause(backoffMs(failures, changesBackoff), signal)
  }
}

type Message = { id: number | undefined; event: string | undefined; data: string | undefined }

/** The messages of one connection, until it ends; a connection on which nothing comes at all counts as broken. */
async function* readMessages(
  api: Pick<Api, 'open'>,
  query: { after: number | undefined; roomId: string | undefined; sessionId: string | undefined },
  broken: AbortController,
): AsyncGenerator<Message> {
  let silence = setTimeout(() => broken.abort(), changesSilenceMs)
  try {
    const response = await api.open('/v2/stream', query, broken.signal)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (;;) {
      const { value, done } = (await reader?.read().catch(toBroken)) ?? { done: true }
      if (done) return
      clearTimeout(silence)
      silence = setTimeout(() => broken.abort(), changesSilenceMs)
      const parts = (text + value).split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) yield toMessage(part)
    }
  } finally {
    clearTimeout(silence)
  }
}

function toBroken(cause: unknown): never {
  throw new RollcallError('the stream of changes broke off', { code: 'UNREACHABLE', cause })
}

function toMessage(part: string): Message {
  const fields = new Map(part.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]))
  const id = fields.get('id')
  return { id: id === undefined ? undefined : Number(id), event: fields.get('event'), data: fields.get('data') }
}

/** Whatever another connection may mend: not what the server refuses for good, nor what was asked for wrongly. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof RollcallError)) return false
  return error.statusCode === undefined || error.statusCode === 429 || error.statusCode >= 500
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done)
    if (signal?.aborted === true) done()
  })
}
