import assert from 'node:assert/strict'
import { assertDescribed, type Described } from '../packages/server/test/support/documents/openapi-check.ts'
import type { Answer } from '../packages/server/test/support/start-server.ts'
import type { FuzzRequest } from './requests.ts'

/** Fails where the server broke, or answered otherwise than its document says. */
export function checkAnswer(described: Described, { method, path }: FuzzRequest, answer: Answer<unknown>): void {
  checkEnvelope(described, answer, { hasBody: method !== 'HEAD' })
  // The document tells of no preflights; and without a route to hold it to, the answer to HEAD has nothing to look at.
  if (method === 'OPTIONS' || (method === 'HEAD' && answer.status >= 400)) return
  assertDescribed(described, method, path, answer)
}

/** Fails where an answer is the server's own failure, or is an error in another shape than errors have. */
export function checkEnvelope(
  { check }: Described,
  { status, headers, text, body }: Answer<unknown>,
  { hasBody = true } = {},
): void {
  const told = `answered ${status} ${text.slice(0, 2000)}`
  assert.ok(status < 500 || status === 503, told)
  assert.ok(headers['x-request-id'] !== undefined, `${told} without x-request-id`)
  if (status < 400 || !hasBody) return
  // A browser that asks for a page is shown one where there is nothing.
  if (status === 404 && headers['content-type']?.startsWith('text/html')) return
  // In Daily's words: which route speaks them, `assertDescribed` knows.
  if (typeof body === 'object' && body !== null && 'info' in body) return check('/components/schemas/DailyError', body)
  check('/components/schemas/ErrorBody', body)
  const { statusCode, requestId } = body as { statusCode: number; requestId: string }
  assert.deepEqual([statusCode, requestId], [status, headers['x-request-id']], told)
}
