import { newObjectId } from '../database/ids.ts'
import { noun, type Over } from '../noun.ts'

/** Something that somebody did with a key, for good. */
export type AuditEntry = {
  keyId: number
  id: string
  /** Epoch milliseconds. */
  at: number
  /** An operation of the API by its `operationId`, or a command such as `keys add`. */
  action: string
  /** Null: whoever has the machine, by the command line. */
  apiKey: string | null
  /** Whom the token was bound to; null: nobody. */
  asParticipant: string | null
  /** What it was done to: ids, by their names. */
  about: { [name: string]: string }
  /** Whom it was done to. */
  participantId: string | null
  /** The user who did it, by the name that they had; null: whoever has the token, or the machine. */
  userName: string | null
}
export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at' | 'userName'> & Partial<Pick<AuditEntry, 'userName'>>
export type AuditCursor = Pick<AuditEntry, 'at' | 'id'>
/** `from` and `before`: epoch milliseconds. */
export type AuditFilter = {
  from?: number | undefined
  before?: number | undefined
  action?: string | undefined
  apiKey?: string | undefined
}

/** Who did what: entries are added, and none is changed or removed before its key is. */
export const audit = noun({
  reads: {
    /** Newest first, from after a place on. */
    async list(
      { db }: Over,
      keyId: number,
      filter: AuditFilter,
      { after, limit }: { after?: AuditCursor | undefined; limit: number },
    ): Promise<AuditEntry[]> {
      const { from, before, action, apiKey } = filter
      const rows = await db.kysely
        .selectFrom('audit')
        .select([
          'key_id as keyId',
          'id',
          'at',
          'action',
          'api_key as apiKey',
          'as_participant as asParticipant',
          'about_json as aboutJson',
          'participant_id as participantId',
          'user_name as userName',
        ])
        .where('key_id', '=', keyId)
        .$if(from !== undefined, (found) => found.where('at', '>=', from ?? 0))
        .$if(before !== undefined, (found) => found.where('at', '<', before ?? 0))
        .$if(action !== undefined, (found) => found.where('action', '=', action ?? ''))
        .$if(apiKey !== undefined, (found) => found.where('api_key', '=', apiKey ?? ''))
        .$if(after !== undefined, (found) =>
          found.where((eb) => eb(eb.refTuple('at', 'id'), '<', eb.tuple(after?.at ?? 0, after?.id ?? ''))),
        )
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(({ aboutJson, ...row }) => ({ ...row, at: Number(row.at), about: JSON.parse(aboutJson) }))
    },
  },
  writes: {
    async add({ db, now }: Over, entry: NewAuditEntry): Promise<void> {
      const at = now()
      const row = {
        key_id: entry.keyId,
        at,
        id: newObjectId(at),
        action: entry.action,
        api_key: entry.apiKey,
        as_participant: entry.asParticipant,
        about_json: JSON.stringify(entry.about),
        participant_id: entry.participantId,
        user_name: entry.userName ?? null,
      }
      await db.insertRows('audit', [row])
    },
  },
  replicated: ['list'],
  unseen: ['add'],
})

/** That somebody was erased, or removed from a room before, is told of nobody in particular, and no report of theirs is shared. */
export async function eraseFromAudit(
  { db }: Pick<Over, 'db'>,
  { keyId, participantId, newId }: { keyId: number; participantId: string; newId: string },
): Promise<void> {
  await db.kysely.deleteFrom('shares').where('key_id', '=', keyId).where('person_id', '=', participantId).execute()
  for (const column of ['participant_id', 'as_participant'] as const) {
    await db.kysely
      .updateTable('audit')
      .set({ [column]: newId })
      .where('key_id', '=', keyId)
      .where(column, '=', participantId)
      .execute()
  }
}
