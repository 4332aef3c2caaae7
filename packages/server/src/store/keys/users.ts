import type { UserRole } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { newObjectId } from '../database/ids.ts'
import { noun, type Over, query } from '../noun.ts'

/** Somebody who signs in to the dashboard, as one owner has them. */
export type User = {
  userId: string
  keyId: number
  name: string
  role: UserRole
  /** The rooms of a host, by their `roomId`. */
  rooms: string[]
  createdAt: number
  signedInAt: number | null
}
/** What a sign-in is checked against. */
export type Credentials = { userId: string; name: string; passwordHash: string | null; subject: string | null }
type Membership = { keyId: number; userId: string }
type NewUser = {
  keyId: number
  name: string
  role: UserRole
  rooms: string[]
  passwordHash: string | null
  subject?: string
}
type Row = Omit<User, 'rooms' | 'role'> & { role: string; roomsJson: string }

const columns = [
  'u.user_id as userId',
  'm.key_id as keyId',
  'u.name',
  'm.role',
  'm.rooms_json as roomsJson',
  'u.created_at as createdAt',
  'u.signed_in_at as signedInAt',
] as const
const byMembership = query<Membership, Row>((k, p) =>
  k
    .selectFrom('user_keys as m')
    .innerJoin('users as u', 'u.user_id', 'm.user_id')
    .select(columns)
    .where('m.key_id', '=', p.keyId)
    .where('m.user_id', '=', p.userId),
)
const byKey = query<{ keyId: number }, Row>((k, p) =>
  k
    .selectFrom('user_keys as m')
    .innerJoin('users as u', 'u.user_id', 'm.user_id')
    .select(columns)
    .where('m.key_id', '=', p.keyId)
    .orderBy('u.name_folded'),
)
const keysOfUser = query<{ userId: string }, { keyId: number }>((k, p) =>
  k.selectFrom('user_keys').select('key_id as keyId').where('user_id', '=', p.userId).orderBy('key_id'),
)
const credentials = ['user_id as userId', 'name', 'password_hash as passwordHash', 'subject'] as const
const byName = query<{ folded: string }, Credentials>((k, p) =>
  k.selectFrom('users').select(credentials).where('name_folded', '=', p.folded),
)
const byId = query<{ userId: string }, Credentials>((k, p) =>
  k.selectFrom('users').select(credentials).where('user_id', '=', p.userId),
)
const bySubject = query<{ subject: string }, Credentials>((k, p) =>
  k.selectFrom('users').select(credentials).where('subject', '=', p.subject),
)

/** Names that differ in capitals, or in how a letter is put together, are one. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

async function find({ db }: Over, membership: Membership): Promise<User | undefined> {
  const [row] = await db.all(byMembership(db), membership)
  return row && toUser(row)
}

/** A user without a key sees nothing, and is gone. */
export async function dropUnseenUsers({ db }: Pick<Over, 'db'>): Promise<void> {
  await db.kysely
    .deleteFrom('users')
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('user_keys as m').select('m.user_id').whereRef('m.user_id', '=', 'users.user_id'))),
    )
    .execute()
}

/** Who signs in to the dashboard. A user has one name on the whole server, and a role for each key that they see. */
export const users = noun({
  reads: {
    find,
    async list({ db }: Over, keyId: number): Promise<User[]> {
      return (await db.all(byKey(db), { keyId })).map(toUser)
    },
    /** The owners whose record they see. */
    async keysOf({ db }: Over, userId: string): Promise<number[]> {
      return (await db.all(keysOfUser(db), { userId })).map(({ keyId }) => keyId)
    },
    async findByName({ db }: Over, name: string): Promise<Credentials | undefined> {
      return (await db.all(byName(db), { folded: foldName(name) }))[0]
    },
    async findById({ db }: Over, userId: string): Promise<Credentials | undefined> {
      return (await db.all(byId(db), { userId }))[0]
    },
    async findBySubject({ db }: Over, subject: string): Promise<Credentials | undefined> {
      return (await db.all(bySubject(db), { subject }))[0]
    },
  },
  writes: {
    /** Refuses a name that is taken, by whomever. */
    async add(over: Over, { keyId, name, role, rooms, passwordHash, subject = undefined }: NewUser): Promise<User> {
      const { db, now } = over
      const userId = newObjectId(now())
      const added = await db.kysely
        .insertInto('users')
        .values({
          user_id: userId,
          name,
          name_folded: foldName(name),
          password_hash: passwordHash,
          subject: subject ?? null,
          created_at: now(),
        })
        .onConflict((on) => on.doNothing())
        .returning('user_id')
        .execute()
      if (added.length === 0) throw new Refusal('CONFLICT', `The name ${name} is taken: choose another`)
      return users.writes.letIn(over, { keyId, userId, role, rooms })
    },
    /** Lets somebody who is a user see one more record, or see it as something else. */
    async letIn(over: Over, input: Membership & Pick<User, 'role' | 'rooms'>): Promise<User> {
      const { keyId, userId, role, rooms } = input
      const row = { key_id: keyId, user_id: userId, role, rooms_json: JSON.stringify(rooms) }
      await over.db.insertRows('user_keys', [row], ['key_id', 'user_id'])
      return (await find(over, { keyId, userId })) as User
    },
    /** They see this record no more; a user who sees none is gone, and signed in nowhere. */
    async remove(over: Over, { keyId, userId }: Membership): Promise<void> {
      const k = over.db.kysely
      await k.deleteFrom('user_keys').where('key_id', '=', keyId).where('user_id', '=', userId).execute()
      await k.deleteFrom('sign_ins').where('key_id', '=', keyId).where('user_id', '=', userId).execute()
      await dropUnseenUsers(over)
    },
    /** Whom the provider of their sign-in knows so. */
    async setSubject({ db }: Over, { userId, subject }: { userId: string; subject: string }): Promise<void> {
      await db.kysely.updateTable('users').set({ subject }).where('user_id', '=', userId).execute()
    },
    /** Whoever was signed in with the one before is so no more, but for the browser that is named. */
    async setPassword({ db }: Over, input: { userId: string; passwordHash: string; keep?: string }): Promise<void> {
      const { userId, passwordHash, keep = '' } = input
      const k = db.kysely
      await k.updateTable('users').set({ password_hash: passwordHash }).where('user_id', '=', userId).execute()
      await k.deleteFrom('sign_ins').where('user_id', '=', userId).where('sign_in_id', '!=', keep).execute()
    },
  },
  unseen: ['add', 'letIn', 'remove', 'setPassword', 'setSubject'],
})

function toUser({ roomsJson, role, ...row }: Row): User {
  return { ...row, role: role as UserRole, rooms: JSON.parse(roomsJson) as string[] }
}
