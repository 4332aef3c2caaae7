export type {
  PageInfo,
  Participant,
  Permission,
  Role,
  Room,
  Session,
  TimelogEntry,
} from '@rollcall/protocol'
export { RollcallError } from './error.ts'
export type { Listing, Page } from './listing.ts'
export { Rollcall, type RollcallOptions } from './rollcall.ts'
export type { ListedRoom, NewRoom, Rooms } from './rooms.ts'
export type { SessionFilters, Sessions } from './sessions.ts'
export { type KeyPair, type SignedClaims, signToken, type TokenSource } from './token.ts'
