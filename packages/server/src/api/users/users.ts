import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  BrowserSignInList,
  DashboardUser,
  NewUser,
  newPassword as newPasswordShape,
  toCleanText,
  toIso,
  toIsoOrNull,
  UserChanges,
  UserList,
  type UserRole,
  UserWithPassword,
  usersMax,
} from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import type { User as UserRow } from '../../store/keys/users.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { hashPassword, newPassword } from '../auth/passwords.ts'
import { scopes } from '../auth/scopes.ts'
import { requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { noteAbout } from '../keys/keep-audit.ts'
import { toSignIn } from './account.ts'

const UserPath = Type.Object({ userId: Type.String({ description: 'one exact id', about: 'The user.' }) })
const tags = ['Users']
const schemas = {
  list: {
    operationId: 'listUsers',
    scopes: scopes(),
    tags,
    summary: 'List users',
    description: 'Whoever signs in and sees this record, by name.',
    response: { 200: UserList },
  },
  create: {
    operationId: 'createUser',
    tags,
    summary: 'Add a user',
    description:
      'Somebody who signs in to the dashboard with a name and a password. A name is one person’s on the whole server. Where no password is given, the answer has one, this once.',
    body: NewUser,
    response: { 200: UserWithPassword, ...refusals('CONFLICT', 'ROOM_NOT_FOUND') },
  },
  update: {
    operationId: 'updateUser',
    tags,
    summary: 'Change what a user may do',
    description: 'It counts from their next call on. What is not named stays.',
    params: UserPath,
    body: UserChanges,
    response: { 200: DashboardUser, ...refusals('USER_NOT_FOUND', 'ROOM_NOT_FOUND') },
  },
  password: {
    operationId: 'resetPassword',
    tags,
    summary: 'Give a user a new password',
    description: 'All browsers of theirs are signed out. Where no password is given, the answer has one, this once.',
    params: UserPath,
    body: Type.Object(
      { password: Type.Optional({ ...newPasswordShape, about: 'Without it, one is made.' }) },
      { additionalProperties: false },
    ),
    response: { 200: UserWithPassword, ...refusals('USER_NOT_FOUND', 'CONFLICT') },
  },
  remove: {
    operationId: 'deleteUser',
    tags,
    summary: 'Remove a user',
    description: 'They see this record no more, from their next call on.',
    params: UserPath,
    response: { 200: DashboardUser, ...refusals('USER_NOT_FOUND') },
  },
  signIns: {
    operationId: 'listUserSignIns',
    scopes: scopes(),
    tags,
    summary: 'List the browsers that a user is signed in in',
    description: 'Newest first.',
    params: UserPath,
    response: { 200: BrowserSignInList, ...refusals('USER_NOT_FOUND') },
  },
  endSignIns: {
    operationId: 'endUserSignIns',
    tags,
    summary: 'Sign a user out everywhere',
    description: 'The cookies of all their browsers are no longer good. The answer has those that were signed in.',
    params: UserPath,
    response: { 200: BrowserSignInList, ...refusals('USER_NOT_FOUND') },
  },
}

/** `/v2/users`: who signs in to the dashboard. */
export function userRoutes(
  { reads, writes }: Pick<Context, 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/v2/users', { onRequest: auth.crawler, schema: schemas.list }, async (request) => ({
      data: (await reads.users.list(callerOf(request).key.keyId)).map(toUser),
    }))

    app.post('/v2/users', { onRequest: auth.crawler, schema: schemas.create }, async (request) => {
      const { keyId } = callerOf(request).key
      const { role, password = newPassword() } = request.body
      if ((await reads.users.list(keyId)).length >= usersMax) {
        throw new Refusal('CONFLICT', `There are ${usersMax} users, which is the most: remove one first`)
      }
      const name = readName(request.body.name)
      const rooms = await readRooms(request, role, request.body.rooms)
      const added = await writes.users.add({ keyId, name, role, rooms, passwordHash: await hashPassword(password) })
      noteAbout(request, { userId: added.userId })
      return { ...toUser(added), ...(request.body.password === undefined && { password }) }
    })

    app.patch('/v2/users/:userId', { onRequest: auth.crawler, schema: schemas.update }, async (request) => {
      const user = await requireUser(request)
      const { role = user.role, rooms } = request.body
      const seen = rooms === undefined && role === user.role ? user.rooms : await readRooms(request, role, rooms)
      return toUser(await writes.users.letIn({ ...user, role, rooms: seen }))
    })

    app.post('/v2/users/:userId/password', { onRequest: auth.crawler, schema: schemas.password }, async (request) => {
      const user = await requireUser(request)
      const { userId } = user
      if ((await reads.users.keysOf(userId)).length > 1) {
        throw new Refusal(
          'CONFLICT',
          `${user.name} sees another key too: they, or \`rollcall users password\`, change it`,
        )
      }
      const { password = newPassword() } = request.body
      await writes.users.setPassword({ userId, passwordHash: await hashPassword(password) })
      return { ...toUser(user), ...(request.body.password === undefined && { password }) }
    })

    app.delete('/v2/users/:userId', { onRequest: auth.crawler, schema: schemas.remove }, async (request) => {
      const user = await requireUser(request)
      await writes.users.remove(user)
      return toUser(user)
    })

    app.get('/v2/users/:userId/sign-ins', { onRequest: auth.crawler, schema: schemas.signIns }, async (request) =>
      listSignIns(request, await requireUser(request)),
    )

    app.delete(
      '/v2/users/:userId/sign-ins',
      { onRequest: auth.crawler, schema: schemas.endSignIns },
      async (request) => {
        const user = await requireUser(request)
        const ended = await listSignIns(request, user)
        await writes.signIns.endOf({ userId: user.userId })
        return ended
      },
    )
  }

  async function requireUser(request: FastifyRequest<{ Params: { userId: string } }>): Promise<UserRow> {
    const { userId } = request.params
    const user = await reads.users.find({ keyId: callerOf(request).key.keyId, userId })
    if (user !== undefined) return user
    throw new Refusal('USER_NOT_FOUND', `User ${quote(userId)} not found`)
  }

  async function listSignIns(request: FastifyRequest, { userId }: UserRow) {
    return { data: (await reads.signIns.list(userId)).map((one) => toSignIn(one, callerOf(request))) }
  }

  /** By their `roomId`, however they are named. */
  async function readRooms(request: FastifyRequest, role: UserRole, given: string[] = []): Promise<string[]> {
    if (role !== 'host') {
      if (given.length === 0) return []
      throw new Refusal('BAD_REQUEST', `rooms=${quote(given)} is not understood: a host has rooms, a ${role} sees all`)
    }
    if (given.length === 0) throw new Refusal('BAD_REQUEST', 'rooms is missing: it takes the rooms that the host sees')
    const rooms = await Promise.all(given.map((anyId) => requireRoom(reads, callerOf(request), anyId)))
    return [...new Set(rooms.map(({ roomId }) => roomId))]
  }
}

export function readName(given: string): string {
  const name = toCleanText(given).trim()
  if (name !== '') return name
  throw new Refusal('BAD_REQUEST', `name=${quote(given)} is not understood: it takes a text with a letter in it`)
}

function toUser({ userId, name, role, rooms, createdAt, signedInAt }: UserRow): DashboardUser {
  return { userId, name, role, rooms, createdAt: toIso(createdAt), lastSignInAt: toIsoOrNull(signedInAt) }
}
