import { noun, type Over, query } from '../noun.ts'

/** `apiKey`: null in those of before there were further keys, which are of the owner's first. */
type Link = { keyId: number; apiKey: string | null; digest: string; expiresAt: number }

const dropOld = query<{ until: number }>((k, p) => k.deleteFrom('links').where('expires_at', '<=', p.until))
const insert = query<Link>((k, p) =>
  k.insertInto('links').values({ digest: p.digest, key_id: p.keyId, api_key: p.apiKey, expires_at: p.expiresAt }),
)
// Whoever deletes the row has it: of two at the same moment, one.
const takeOut = query<{ digest: string }, Omit<Link, 'digest'>>((k, p) =>
  k
    .deleteFrom('links')
    .where('digest', '=', p.digest)
    .returning(['key_id as keyId', 'api_key as apiKey', 'expires_at as expiresAt']),
)

/** Codes that sign in once, by their digests. */
export const links = noun({
  reads: {},
  writes: {
    /** Keeps a code; those that are too old are dropped. */
    async add({ db, now }: Over, link: Link): Promise<void> {
      await db.run(dropOld(db), { until: now() })
      await db.run(insert(db), link)
    },
    /** The key that the code is for, which is gone with that. Undefined where there is none, or it is too old. */
    async take({ db, now }: Over, { digest }: { digest: string }): Promise<Pick<Link, 'keyId' | 'apiKey'> | undefined> {
      const [taken] = await db.all(takeOut(db), { digest })
      return taken !== undefined && taken.expiresAt > now() ? taken : undefined
    },
  },
  unseen: ['add', 'take'],
})
