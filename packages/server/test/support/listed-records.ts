import assert from 'node:assert/strict'
import type { SessionRecord } from '../../src/store/sessions/records.ts'
import type { ListedSession } from '../../src/store/sessions/sessions.ts'

/** The sessions of a list of which nothing is sealed yet, with what it takes to show them. */
export function toRecords(listed: ListedSession[]): SessionRecord[] {
  return listed.map((one) => {
    assert.ok('record' in one, 'the session is sealed')
    return one.record
  })
}
