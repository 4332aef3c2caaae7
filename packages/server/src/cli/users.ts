import { passwordMaxLength, passwordMinLength, toIso, userRoles } from '@rollcall/protocol'
import { defineCommand } from 'citty'
import { hashPassword, newPassword } from '../api/auth/passwords.ts'
import { readName } from '../api/users/users.ts'
import { Refusal } from '../error.ts'
import type { Store } from '../record/open-store.ts'
import type { Key } from '../store/keys/key.ts'
import type { Credentials, User } from '../store/keys/users.ts'
import { onStore, requireEnabledKey, toTable } from './command.ts'
import { readSecrets } from './secret-input.ts'

const name = { type: 'positional', description: 'What they sign in with', required: true } as const
const key = { type: 'string', description: 'The owner’s first API key; without it, the first that is enabled' } as const
const password = {
  type: 'string',
  description: '- reads it from stdin; without it, one is made and shown this once',
} as const

const addUser = onStore(
  'add',
  'Let somebody sign in to the dashboard: a new user, or one that there is, who sees one more key from now on',
  {
    name,
    key,
    role: { type: 'string', description: `What they may do: ${userRoles.join(', ')}`, default: 'viewer' },
    rooms: { type: 'string', description: 'Of a host: their rooms by roomId or customRoomId, with commas between' },
    password,
  },
  async ({ name: given, key: apiKey, role: named, rooms: anyIds, password: secret }, { reads, writes }) => {
    const owner = await requireOwner(reads, apiKey)
    const role = userRoles.find((one) => one === named)
    if (role === undefined) {
      throw new Refusal('BAD_REQUEST', `--role=${named} is not understood: it takes one of ${userRoles.join(', ')}`)
    }
    const rooms = await readRooms(reads, owner, role, anyIds)
    const known = await reads.users.findByName(given)
    const made = known === undefined ? readPassword(secret) : undefined
    if (made === undefined && secret !== undefined) {
      throw new Refusal('CONFLICT', `${given} is a user already: \`rollcall users password\` changes their password`)
    }
    const { keyId } = owner
    const user =
      known === undefined
        ? await writes.users.add({
            ...{ keyId, name: readName(given), role, rooms },
            passwordHash: await hashPassword(made?.password ?? newPassword()),
          })
        : await writes.users.letIn({ keyId, userId: known.userId, role, rooms })
    await noteCommand(writes, user, 'users add')
    return `${user.name} is a ${role} of ${owner.name ?? owner.apiKey}.\n${made?.shown ?? ''}`
  },
)

const listUsers = onStore('list', 'List the users', {}, async (_, { reads }) => {
  const rows: string[][] = []
  for (const owner of await reads.keys.list()) {
    for (const user of await reads.users.list(owner.keyId)) rows.push(toRow(user, owner))
  }
  if (rows.length === 0) return 'No user yet: make one by `rollcall users add <name> --role administrator`.\n'
  return toTable([['NAME', 'ROLE', 'KEY', 'CREATED', 'LAST SIGN-IN', 'ROOMS'], ...rows])
})

const removeUser = onStore(
  'remove',
  'Remove a user: of one key, or of all that they see',
  { name, key: { type: 'string', description: 'The owner’s first API key; without it, of all' } },
  async ({ name: given, key: apiKey }, { reads, writes }) => {
    const { userId, name } = await requireUser(reads, given)
    const only = apiKey === undefined ? undefined : (await requireOwner(reads, apiKey)).keyId
    const keyIds = (await reads.users.keysOf(userId)).filter((keyId) => only === undefined || keyId === only)
    if (keyIds.length === 0) throw new Refusal('NOT_FOUND', `${name} does not see the key ${apiKey}`)
    for (const keyId of keyIds) {
      await writes.users.remove({ keyId, userId })
      await noteCommand(writes, { keyId, userId }, 'users remove')
    }
    return `${name} is removed.\n`
  },
)

const changePassword = onStore(
  'password',
  'Give a user a new password; they are signed out everywhere',
  { name, password },
  async ({ name: given, password: secret }, { reads, writes }) => {
    const { userId, name } = await requireUser(reads, given)
    const made = readPassword(secret)
    await writes.users.setPassword({ userId, passwordHash: await hashPassword(made.password) })
    for (const keyId of await reads.users.keysOf(userId)) await noteCommand(writes, { keyId, userId }, 'users password')
    return `${name} has a new password.\n${made.shown}`
  },
)

export const users = defineCommand({
  meta: { name: 'users', description: 'Add, list and remove who signs in to the dashboard, and their passwords' },
  subCommands: { add: addUser, list: listUsers, remove: removeUser, password: changePassword },
})

async function requireOwner(reads: Store['reads'], apiKey: string | undefined): Promise<Key> {
  const owner = await requireEnabledKey(reads, apiKey)
  if (owner.scopes === undefined) return owner
  throw new Refusal('CONFLICT', `${owner.apiKey} is a further key: users are its owner’s, ${owner.first?.apiKey}`)
}

async function requireUser(reads: Store['reads'], name: string): Promise<Credentials> {
  const user = await reads.users.findByName(name)
  if (user !== undefined) return user
  throw new Refusal('NOT_FOUND', `there is no user ${name}: see rollcall users list`)
}

async function readRooms(
  reads: Store['reads'],
  { keyId }: Key,
  role: User['role'],
  text: string | undefined,
): Promise<string[]> {
  const anyIds = text?.split(',').map((one) => one.trim()) ?? []
  if ((role === 'host') !== anyIds.length > 0) {
    throw new Refusal('BAD_REQUEST', '--rooms goes with --role host: which rooms they see, with commas between')
  }
  const found = await Promise.all(anyIds.map((anyId) => reads.rooms.find(keyId, anyId)))
  const missing = anyIds.find((_, i) => found[i] === undefined)
  if (missing !== undefined) throw new Refusal('ROOM_NOT_FOUND', `--rooms: ${missing} is no room of this key`)
  return found.map((room) => room?.roomId ?? '')
}

/** The one of stdin, or one that is made, which is shown. */
function readPassword(given: string | undefined): { password: string; shown: string } {
  if (given === undefined) {
    const made = newPassword()
    return { password: made, shown: `Password  ${made}\nKeep it: it is not shown again.\n` }
  }
  if (given !== '-')
    throw new Refusal('BAD_REQUEST', '--password takes -, and the password on stdin: others see the command')
  const { password = '' } = readSecrets({ password: given })
  if (password.length >= passwordMinLength && password.length <= passwordMaxLength) return { password, shown: '' }
  throw new Refusal('BAD_REQUEST', `the password takes ${passwordMinLength} to ${passwordMaxLength} characters`)
}

/** In the owner's audit log: whoever has the machine did it. */
async function noteCommand(
  writes: Store['writes'],
  { keyId, userId }: Pick<User, 'keyId' | 'userId'>,
  action: string,
): Promise<void> {
  await writes.audit.add({ keyId, action, apiKey: null, asParticipant: null, about: { userId }, participantId: null })
}

function toRow({ name, role, createdAt, signedInAt, rooms }: User, { apiKey }: Key): string[] {
  return [name, role, apiKey, toIso(createdAt), signedInAt === null ? 'never' : toIso(signedInAt), rooms.join(',')]
}
