import { toIso } from '@rollcall/protocol'
import { readsOver } from '../../record/nouns.ts'
import type { Database } from '../../store/database/database.ts'
import { createSecretBox } from '../../store/database/secrets.ts'

/** Tells in words where a day is packed for usage otherwise than its sealed sessions are, and counts. */
export async function* findWrongDays(db: Database): AsyncGenerator<string> {
  // Nothing that is secret is read.
  const reads = readsOver({ db, box: createSecretBox(Buffer.alloc(32)), now: () => Date.now() })
  const all = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }
  const keys = await db.kysely.selectFrom('usage_days').select('key_id as keyId').distinct().orderBy('key_id').execute()
  for (const { keyId } of keys) {
    for (const { startAt, version } of await reads.usage.days(keyId, all)) {
      if (version === null) continue
      const [kept] = await reads.usage.texts(keyId, [startAt], { withRooms: true })
      const { packed, rooms } = await reads.packing.pack(keyId, startAt)
      // Of a day that was packed before there were rooms of it these are packed soon.
      if (kept?.packed !== packed || (kept.rooms !== null && kept.rooms !== rooms))
        yield `usage_days of key ${keyId}, ${toIso(startAt)}: it is not what its sessions are`
    }
  }
}
