import { newObjectId } from '../database/ids.ts'
import { noun, type Over, query } from '../noun.ts'

/** A report that whoever has the link may read: of a session, or of a person. */
export type Share = {
  keyId: number
  shareId: string
  sessionId: string | null
  personId: string | null
  /** The user who made it. */
  createdBy: string | null
  createdAt: number
  expiresAt: number
}
type OfShare = Pick<Share, 'keyId' | 'shareId'>

const columns = [
  'key_id as keyId',
  'share_id as shareId',
  'session_id as sessionId',
  'person_id as personId',
  'created_by as createdBy',
  'created_at as createdAt',
  'expires_at as expiresAt',
] as const
const byDigest = query<{ digest: string }, Share>((k, p) =>
  k.selectFrom('shares').select(columns).where('digest', '=', p.digest),
)
const ofKey = query<{ keyId: number }, Share>((k, p) =>
  k
    .selectFrom('shares')
    .select(columns)
    .where('key_id', '=', p.keyId)
    .orderBy('created_at', 'desc')
    .orderBy('share_id', 'desc'),
)
const dropOld = query<{ keyId: number; until: number }>((k, p) =>
  k.deleteFrom('shares').where('key_id', '=', p.keyId).where('expires_at', '<=', p.until),
)
const dropOne = query<OfShare>((k, p) =>
  k.deleteFrom('shares').where('key_id', '=', p.keyId).where('share_id', '=', p.shareId),
)

/** Reports that are shared by a link, by the digest of what it ends in. */
export const shares = noun({
  reads: {
    /** Undefined also where it is over. */
    async find({ db, now }: Over, digest: string): Promise<Share | undefined> {
      const [share] = await db.all(byDigest(db), { digest })
      return share !== undefined && share.expiresAt > now() ? share : undefined
    },
    /** Newest first, without those that are over. */
    async list({ db, now }: Over, keyId: number): Promise<Share[]> {
      return (await db.all(ofKey(db), { keyId })).filter(({ expiresAt }) => expiresAt > now())
    },
  },
  writes: {
    /** Those of the owner that are over are dropped. */
    async add(
      { db, now }: Over,
      { digest, ...share }: Omit<Share, 'shareId' | 'createdAt'> & { digest: string },
    ): Promise<Share> {
      const createdAt = now()
      await db.run(dropOld(db), { keyId: share.keyId, until: createdAt })
      const shareId = newObjectId(createdAt)
      await db.insertRows('shares', [
        {
          ...{ key_id: share.keyId, share_id: shareId, digest, session_id: share.sessionId },
          ...{ person_id: share.personId, created_by: share.createdBy },
          ...{ created_at: createdAt, expires_at: share.expiresAt },
        },
      ])
      return { ...share, shareId, createdAt }
    },
    /** False where the owner has no such share. */
    async remove({ db }: Over, share: OfShare): Promise<boolean> {
      return (await db.run(dropOne(db), share)) > 0
    },
  },
  unseen: ['add', 'remove'],
})
