import {
  type NumberedChange,
  type StreamedChange,
  type StreamReset,
  toIso,
  tokenInvalidMessage,
} from '@rollcall/protocol'

// What a stream sends, in the format of Server-Sent Events:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

/** How long a browser waits before it reconnects, in milliseconds. */
const retryMs = 2000

/** With the place where it begins: a reader that loses the connection before the first change goes on there. */
export function toOpening(seq: number, reset: StreamReset | undefined): string {
  const told = reset === undefined ? '' : `event: reset\ndata: ${JSON.stringify(reset)}\n`
  return `retry: ${retryMs}\nid: ${seq}\n${told}\n`
}

/** An id without data moves the reader's place past changes that it does not want, and is no message. */
export function toHeartbeat(seq: number): string {
  return `: \nid: ${seq}\n\n`
}

export const closedMessage = `event: closed\ndata: ${JSON.stringify({ code: 'TOKEN_INVALID', error: tokenInvalidMessage })}\n\n`

/** By the first of some changes without a gap the text of them all: made once for all readers who get the same. */
const written = new WeakMap<NumberedChange, { lastSeq: number; text: Buffer }>()

export function toMessages(changes: NumberedChange[]): Buffer {
  const [first] = changes
  const last = changes.at(-1)
  if (first === undefined || last === undefined) return Buffer.alloc(0)
  const known = written.get(first)
  const isWhole = last.seq - first.seq === changes.length - 1
  if (isWhole && known?.lastSeq === last.seq) return known.text
  const text = Buffer.from(changes.map(toMessage).join(''))
  if (isWhole) written.set(first, { lastSeq: last.seq, text })
  return text
}

function toMessage({ seq, type, sessionId, roomId, at, participantId, name, kind, reason }: NumberedChange): string {
  const data: StreamedChange = {
    seq,
    type,
    sessionId,
    roomId,
    at: toIso(at),
    ...(participantId !== undefined && { participantId }),
    ...(name !== undefined && { name }),
    ...(participantId !== undefined && { kind: kind ?? 'person' }),
    ...(reason !== undefined && { reason }),
  }
  return `id: ${seq}\ndata: ${JSON.stringify(data)}\n\n`
}
