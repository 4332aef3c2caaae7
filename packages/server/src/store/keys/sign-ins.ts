import { newObjectId } from '../database/ids.ts'
import { noun, type Over, query } from '../noun.ts'

/** A browser in which somebody is signed in: a user, or whoever had the token that is kept for it. */
export type SignIn = {
  signInId: string
  /** Whose record is looked at. */
  keyId: number
  userId: string | null
  token: string | null
  browser: string
  createdAt: number
  seenAt: number
  expiresAt: number
}
type NewSignIn = Pick<SignIn, 'keyId' | 'userId' | 'token' | 'browser' | 'expiresAt'> & { digest: string }

const columns = [
  'sign_in_id as signInId',
  'key_id as keyId',
  'user_id as userId',
  'token',
  'browser',
  'created_at as createdAt',
  'seen_at as seenAt',
  'expires_at as expiresAt',
] as const
const byDigest = query<{ digest: string }, SignIn>((k, p) =>
  k.selectFrom('sign_ins').select(columns).where('digest', '=', p.digest),
)
const ofUser = query<{ userId: string }, SignIn>((k, p) =>
  k.selectFrom('sign_ins').select(columns).where('user_id', '=', p.userId).orderBy('created_at', 'desc'),
)
const dropOld = query<{ until: number }>((k, p) => k.deleteFrom('sign_ins').where('expires_at', '<=', p.until))
const noteSeen = query<{ digest: string; at: number }>((k, p) =>
  k.updateTable('sign_ins').set({ seen_at: p.at }).where('digest', '=', p.digest),
)
const noteSignedIn = query<{ userId: string; at: number }>((k, p) =>
  k.updateTable('users').set({ signed_in_at: p.at }).where('user_id', '=', p.userId),
)
const setKey = query<{ digest: string; keyId: number }>((k, p) =>
  k.updateTable('sign_ins').set({ key_id: p.keyId }).where('digest', '=', p.digest),
)
const dropOne = query<{ digest: string }>((k, p) => k.deleteFrom('sign_ins').where('digest', '=', p.digest))

/** Where somebody is signed in, by the digest of what their browser keeps. */
export const signIns = noun({
  reads: {
    /** Also one that is over: the caller judges. */
    async find({ db, box }: Over, digest: string): Promise<SignIn | undefined> {
      const [row] = await db.all(byDigest(db), { digest })
      return row && { ...row, token: row.token === null ? null : box.open(row.token) }
    },
    /** Those that are not over, newest first, without tokens. */
    async list({ db, now }: Over, userId: string): Promise<SignIn[]> {
      return (await db.all(ofUser(db), { userId })).filter(({ expiresAt }) => expiresAt > now())
    },
  },
  writes: {
    /** Those that are over are dropped. */
    async add({ db, box, now }: Over, { digest, keyId, userId, token, browser, expiresAt }: NewSignIn): Promise<void> {
      const at = now()
      await db.run(dropOld(db), { until: at })
      const row = {
        ...{ key_id: keyId, digest, sign_in_id: newObjectId(at), user_id: userId, browser },
        ...{ token: token === null ? null : box.seal(token), created_at: at, seen_at: at, expires_at: expiresAt },
      }
      await db.insertRows('sign_ins', [row])
      if (userId !== null) await db.run(noteSignedIn(db), { userId, at })
    },
    async noteSeen({ db, now }: Over, { digest }: { digest: string }): Promise<void> {
      await db.run(noteSeen(db), { digest, at: now() })
    },
    /** From now on this record is looked at. */
    async setKey({ db }: Over, input: { digest: string; keyId: number }): Promise<void> {
      await db.run(setKey(db), input)
    },
    async end({ db }: Over, { digest }: { digest: string }): Promise<void> {
      await db.run(dropOne(db), { digest })
    },
    /** One of a user, or all of them. False where there is none. */
    async endOf({ db }: Over, { userId, signInId }: { userId: string; signInId?: string }): Promise<boolean> {
      const gone = await db.kysely
        .deleteFrom('sign_ins')
        .where('user_id', '=', userId)
        .$if(signInId !== undefined, (found) => found.where('sign_in_id', '=', signInId ?? ''))
        .returning('sign_in_id')
        .execute()
      return gone.length > 0
    },
  },
  unseen: ['add', 'noteSeen', 'setKey', 'end', 'endOf'],
})
