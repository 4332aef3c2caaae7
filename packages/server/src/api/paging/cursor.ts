import { hash } from 'node:crypto'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import type { Cursor } from '../../store/sessions/list.ts'

/** What a cursor takes. */
export const cursorTakes = 'the nextCursor of a page with the same filters'

/** A place in a list as callers see it: opaque, and good for the same filters alone. */
export function writeCursor({ startAt, id }: Cursor, filters: unknown): string {
  return Buffer.from(JSON.stringify([startAt, id, digestOf(filters)])).toString('base64url')
}

export function readCursor(text: string, filters: unknown): Cursor {
  const [startAt, id, digest] = parse(text)
  if (!Number.isSafeInteger(startAt) || typeof id !== 'string' || digest !== digestOf(filters)) {
    throw new Refusal('BAD_REQUEST', `cursor=${quote(text)} is not understood: it takes ${cursorTakes}`)
  }
  return { startAt: startAt as number, id }
}

function parse(text: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(parts) ? parts : []
  } catch {
    // Whatever it is, it is no cursor of ours: the caller says so.
    return []
  }
}

function digestOf(filters: unknown): string {
  return hash('sha256', JSON.stringify(filters), 'base64url').slice(0, 16)
}
