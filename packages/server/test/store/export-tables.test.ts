import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportedTables } from '../../src/store/copies/export.ts'
import { keep } from '../support/kept.ts'

/** What belongs to a key and is not exported: what follows from the rest, and what is of one server. */
const others = [
  'audit',
  'invites',
  'key_uses',
  'keys',
  'links',
  'newest_texts',
  'people',
  'room_leases',
  'seals',
  'scoped_keys',
  'search_cursors',
  'shares',
  'sign_ins',
  'search_grams',
  'search_rooms',
  'sources',
  'usage_breaks',
  'usage_days',
  'user_keys',
  'webhook_cursors',
  'webhook_deliveries',
  'webhook_endpoints',
]

test('every table that says whose its rows are is exported, or known not to be', async () => {
  const kept = await keep()
  try {
    await (await kept.open(Date.now)).close()
    const tables = await kept.within((db) => db.kysely.introspection.getTables())
    const owned = tables.filter(({ columns }) => columns.some(({ name }) => name === 'key_id')).map(({ name }) => name)
    assert.deepEqual(owned.sort(), [...exportedTables, ...others].sort())
  } finally {
    await kept.remove()
  }
})
