import type {
  Account,
  BrowserSignIn,
  BrowserSignInList,
  DashboardUser,
  NewUser,
  UserChanges,
  UserList,
  UserWithPassword,
} from '@rollcall/protocol'
import type { Api } from './api.ts'
import { requireText } from './text.ts'

/** Who signs in to the dashboard, and who asks. What is about users takes an administrator. */
export type Users = {
  /**
   * Gives whoever sees this record, by name.
   *
   * @throws RollcallError with code `FORBIDDEN` where one is no administrator
   * @example
   * for (const { name, role } of await rollcall.users.list()) console.log(name, role)
   */
  list(): Promise<DashboardUser[]>
  /**
   * Adds a user. Where no password is given, the answer has one, and never again.
   *
   * @throws RollcallError with code `CONFLICT` where the name is taken, `ROOM_NOT_FOUND` of a host's room
   * @example
   * const { password } = await rollcall.users.create({ name: 'anna@example.org', role: 'viewer' })
   */
  create(user: NewUser): Promise<UserWithPassword>
  /**
   * Changes what a user may do, from their next call on.
   *
   * @throws RollcallError with code `USER_NOT_FOUND`
   * @example
   * await rollcall.users.update(userId, { role: 'host', rooms: ['standup'] })
   */
  update(userId: string, changes: UserChanges): Promise<DashboardUser>
  /**
   * Takes this record away from a user.
   *
   * @throws RollcallError with code `USER_NOT_FOUND`
   * @example
   * await rollcall.users.remove(userId)
   */
  remove(userId: string): Promise<DashboardUser>
  /**
   * Makes a new password, which is in the answer, and never again; the user is signed out everywhere.
   *
   * @throws RollcallError with code `USER_NOT_FOUND`, or `CONFLICT` where they see another owner's record too
   * @example
   * const { password } = await rollcall.users.resetPassword(userId)
   */
  resetPassword(userId: string): Promise<UserWithPassword>
  /**
   * Signs a user out everywhere.
   *
   * @throws RollcallError with code `USER_NOT_FOUND`
   * @example
   * await rollcall.users.signOut(userId)
   */
  signOut(userId: string): Promise<BrowserSignIn[]>
  /**
   * Gives who asks, as what, and which keys they may see.
   *
   * @example
   * const { user, role } = await rollcall.users.me()
   */
  me(): Promise<Account>
  /**
   * Changes one's own password; other browsers are signed out.
   *
   * @throws RollcallError with code `FORBIDDEN` where the current one is wrong
   * @example
   * await rollcall.users.changePassword(current, next)
   */
  changePassword(current: string, password: string): Promise<Account>
  /**
   * Looks at another key's record from now on, in this browser.
   *
   * @throws RollcallError with code `KEY_NOT_FOUND`
   * @example
   * await rollcall.users.switchKey(apiKey)
   */
  switchKey(apiKey: string): Promise<Account>
  /**
   * Gives where one is signed in, newest first.
   *
   * @example
   * for (const { browser, isThis } of await rollcall.users.signIns()) console.log(browser, isThis)
   */
  signIns(): Promise<BrowserSignIn[]>
  /**
   * Signs another browser of one's own out.
   *
   * @throws RollcallError with code `SIGN_IN_NOT_FOUND`
   * @example
   * await rollcall.users.endSignIn(signInId)
   */
  endSignIn(signInId: string): Promise<BrowserSignIn>
}

export function createUsers(api: Api): Users {
  return {
    list: async () => (await api.get<UserList>('/v2/users')).data,
    create: (user) => api.post<UserWithPassword>('/v2/users', user),
    update: async (userId, changes) => api.patch<DashboardUser>(pathOf(userId), changes),
    remove: async (userId) => api.delete<DashboardUser>(pathOf(userId)),
    resetPassword: async (userId) => api.post<UserWithPassword>(`${pathOf(userId)}/password`, {}),
    signOut: async (userId) => (await api.delete<BrowserSignInList>(`${pathOf(userId)}/sign-ins`)).data,
    me: () => api.get<Account>('/v2/account'),
    changePassword: (current, password) => api.post<Account>('/v2/account/password', { current, password }),
    switchKey: (apiKey) => api.post<Account>('/v2/account/key', { apiKey }),
    signIns: async () => (await api.get<BrowserSignInList>('/v2/account/sign-ins')).data,
    endSignIn: async (signInId) =>
      api.delete<BrowserSignIn>(`/v2/account/sign-ins/${encodeURIComponent(requireText('sign-in', signInId))}`),
  }
}

function pathOf(userId: string): string {
  return `/v2/users/${encodeURIComponent(requireText('user', userId))}`
}
