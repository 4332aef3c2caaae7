import type { IncomingHttpHeaders } from 'node:http'

export type RawAnswer = { status: number; headers: IncomingHttpHeaders; text: string }

/**
 * The whole answers in what a connection received, one after another, without those that only say to go on; what comes after
 * another protocol was agreed on is none. Throws where it is not HTTP.
 */
export function readAnswers(received: Buffer, { isHead = false } = {}): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = received
  while (rest.length > 0) {
    const headLength = rest.indexOf('\r\n\r\n')
    if (headLength === -1) break
    const [first = '', ...lines] = rest.subarray(0, headLength).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
    if (!status) throw new Error(`not HTTP: ${JSON.stringify(rest.toString('latin1').slice(0, 500))}`)
    rest = rest.subarray(headLength + 4)
    if (status === 100) continue
    if (status === 101) break
    const headers = Object.fromEntries(lines.map((line) => toPair(line)))
    const hasBody = !isHead && status !== 204 && status !== 304
    const body = hasBody ? readBody(headers, rest) : { text: '', length: 0 }
    if (body === undefined) break
    answers.push({ status, headers, text: body.text })
    rest = rest.subarray(body.length)
  }
  return answers
}

function toPair(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

/** Undefined where not all of it came; of what has no end, what came. */
function readBody(headers: IncomingHttpHeaders, rest: Buffer): { text: string; length: number } | undefined {
  if (headers['content-type']?.startsWith('text/event-stream')) return { text: '', length: rest.length }
  if (headers['transfer-encoding'] === 'chunked') return readChunks(rest)
  const length = Number(headers['content-length'] ?? 0)
  return rest.length < length ? undefined : { text: rest.toString('utf8', 0, length), length }
}

function readChunks(rest: Buffer): { text: string; length: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (rest.length < end) return undefined
    if (size === 0) return { text: Buffer.concat(chunks).toString(), length: end }
    chunks.push(rest.subarray(lineEnd + 2, end - 2))
    at = end
  }
}
