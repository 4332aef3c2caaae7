import type { Permission } from '@rollcall/protocol'
import { newObjectId } from '../database/ids.ts'
import { type Page, toLimit } from '../database/page.ts'
import { noun, type Over, query } from '../noun.ts'

/** A link for guests of a room. */
export type Invite = {
  keyId: number
  /** 24 hex digits. */
  id: string
  roomId: string
  /** Whose secret its tokens are signed with. */
  apiKey: string
  /** Null: whoever comes by it is a person of their own. */
  participantId: string | null
  name: string | null
  permissions: Permission[]
  createdAt: number
  expiresAt: number
  revokedAt: number | null
}

/** `look`: what the name looks like. */
export type NewInvite = Omit<Invite, 'id' | 'createdAt' | 'revokedAt'> & { digest: string; look: string | null }

/** Most invites of one room that are kept. */
export const invitesMax = 10_000
/** How long an invite is listed once it is good no more, in milliseconds: 90 days. */
const keptMs = 90 * 24 * 3600 * 1000

const columns = [
  'key_id as keyId',
  'id',
  'room_id as roomId',
  'api_key as apiKey',
  'participant_id as participantId',
  'name',
  'permissions_json as permissionsJson',
  'created_at as createdAt',
  'expires_at as expiresAt',
  'revoked_at as revokedAt',
] as const
type Row = Omit<Invite, 'permissions'> & { permissionsJson: string }

type OfRoom = { keyId: number; roomId: string }
const byId = query<{ keyId: number; id: string }, Row>((k, p) =>
  k.selectFrom('invites').select(columns).where('key_id', '=', p.keyId).where('id', '=', p.id),
)
const byDigest = query<{ digest: string }, Row>((k, p) =>
  k.selectFrom('invites').select(columns).where('digest', '=', p.digest),
)
type Visitor = OfRoom & { participantId: string; look: string }
const takenOf = query<Visitor & { now: number }, { id: unknown; name: unknown }>((k, p) => {
  const good = k
    .selectFrom('invites')
    .select('id')
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', p.now)
  const ofOthers = good.where('participant_id', '!=', p.participantId)
  return k
    .selectFrom('rooms')
    .select(({ exists }) => [
      exists(good.where('participant_id', '=', p.participantId)).as('id'),
      exists(ofOthers.where('look', '=', p.look)).as('name'),
    ])
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
})
const counted = query<OfRoom, { count: number }>((k, p) =>
  k
    .selectFrom('invites')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId),
)
const dropOld = query<OfRoom & { until: number }>((k, p) =>
  k
    .deleteFrom('invites')
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('expires_at', '<=', p.until),
)
const revoke = query<{ keyId: number; id: string; at: number }>((k, p) =>
  k
    .updateTable('invites')
    .set({ revoked_at: p.at })
    .where('key_id', '=', p.keyId)
    .where('id', '=', p.id)
    .where('revoked_at', 'is', null),
)

/** Links for guests, by the digests of their codes. */
export const invites = noun({
  reads: {
    find,
    async findByDigest({ db }: Over, digest: string): Promise<Invite | undefined> {
      const [row] = await db.all(byDigest(db), { digest })
      return row && toInvite(row)
    },
    /** Newest first. */
    async list({ db }: Over, { keyId, roomId }: OfRoom, page: Page): Promise<{ invites: Invite[]; total: number }> {
      const rows = await db.kysely
        .selectFrom('invites')
        .select(columns)
        .where('key_id', '=', keyId)
        .where('room_id', '=', roomId)
        .orderBy('id', 'desc')
        .limit(toLimit(page).limit)
        .offset(toLimit(page).offset)
        .execute()
      const [{ count } = { count: 0 }] = await db.all(counted(db), { keyId, roomId })
      return { invites: rows.map(toInvite), total: Number(count) }
    },
    /** Of whoever says themselves who they are: `id`: a good invite to the room is for that participant; `name`: one for another has a name that looks like this. */
    async taken({ db, now }: Over, visitor: Visitor): Promise<{ id: boolean; name: boolean }> {
      const [row] = await db.all(takenOf(db), { ...visitor, now: now() })
      return { id: Boolean(row?.id), name: Boolean(row?.name) }
    },
  },
  writes: {
    /** Undefined where the room has as many as it may. Those that are long over are dropped. */
    async add({ db, now }: Over, { permissions, ...invite }: NewInvite): Promise<Invite | undefined> {
      const { keyId, roomId } = invite
      const at = now()
      await db.run(dropOld(db), { keyId, roomId, until: at - keptMs })
      const [{ count } = { count: 0 }] = await db.all(counted(db), { keyId, roomId })
      if (Number(count) >= invitesMax) return undefined
      const id = newObjectId(at)
      const row = {
        ...{ key_id: keyId, id, room_id: roomId, api_key: invite.apiKey, digest: invite.digest },
        ...{ participant_id: invite.participantId, name: invite.name, look: invite.look },
        ...{ permissions_json: JSON.stringify(permissions), created_at: at, expires_at: invite.expiresAt },
        revoked_at: null,
      }
      await db.insertRows('invites', [row])
      const { digest: _, look: __, ...shown } = invite
      return { ...shown, id, permissions, createdAt: at, revokedAt: null }
    },
    /** From now on nobody comes by it. Undefined where there is none. */
    async revoke(over: Over, { keyId, id }: { keyId: number; id: string }): Promise<Invite | undefined> {
      await over.db.run(revoke(over.db), { keyId, id, at: over.now() })
      return find(over, keyId, id)
    },
  },
  unseen: ['add', 'revoke'],
})

/** Whether somebody can still come by it. */
export function isGood({ revokedAt, expiresAt }: Pick<Invite, 'revokedAt' | 'expiresAt'>, now: number): boolean {
  return revokedAt === null && expiresAt > now
}

/** Nobody comes by the invites of somebody who was erased. */
export async function dropInvitesOf({ db }: Pick<Over, 'db'>, keyId: number, participantId: string): Promise<void> {
  await db.kysely
    .deleteFrom('invites')
    .where('key_id', '=', keyId)
    .where('participant_id', '=', participantId)
    .execute()
}

async function find({ db }: Over, keyId: number, id: string): Promise<Invite | undefined> {
  const [row] = await db.all(byId(db), { keyId, id })
  return row && toInvite(row)
}

function toInvite({ permissionsJson, createdAt, expiresAt, revokedAt, ...row }: Row): Invite {
  return {
    ...row,
    permissions: JSON.parse(permissionsJson) as Permission[],
    createdAt: Number(createdAt),
    expiresAt: Number(expiresAt),
    revokedAt: revokedAt === null ? null : Number(revokedAt),
  }
}
