export type {
  Account,
  AttendanceStatus,
  AuditEntry,
  BrowserSignIn,
  CloseName,
  CourseOccurrence,
  CoursePerson,
  DashboardUser,
  DeliveryState,
  Erased,
  ErasedRoom,
  ErasedSession,
  EventResult,
  FoundPerson,
  ImportedSchedules,
  ImportFormat,
  ImportStep,
  KeptOut,
  KeptOutPerson,
  KeyChanges,
  KeyScope,
  ListedInvite,
  ListedSchedule,
  NameSource,
  NewKey,
  NewSchedule,
  NewShare,
  NewSource,
  NewUser,
  OpenedInvite,
  OwnerKey,
  OwnerKeyWithSecret,
  PageInfo,
  Participant,
  Peer,
  Permission,
  Person,
  PersonSession,
  QualityReport,
  QualitySample,
  ReportedEvent,
  Retention,
  Role,
  Room,
  Schedule,
  ScheduleAttendance,
  Session,
  Share,
  SharedReport,
  ShareWithUrl,
  Source,
  SourceChanges,
  StreamedChange,
  TimelogEntry,
  UserChanges,
  UserRole,
  UserWithPassword,
  WebhookDelivery,
  WebhookEndpoint,
} from '@rollcall/protocol'
export { closeCodes } from '@rollcall/protocol/close-codes'
export { isPerson, type ParticipantKind } from '@rollcall/protocol/person'
export type { Backoff } from './backoff.ts'
export type { ChangeOptions, FollowedChange } from './changes.ts'
export { RollcallError } from './error.ts'
export type { ImportOptions } from './imports.ts'
export type { AuditFilters, Keys } from './keys.ts'
export type { Listing, Page } from './listing.ts'
export type { People, PeopleFilters, PersonOptions } from './people.ts'
export type { Reporter, ReportOptions } from './report.ts'
export { type ReportLimits, reportLimits } from './report-limits.ts'
export type { RetentionSettings } from './retention.ts'
export { Rollcall, type RollcallOptions, type UsageOptions } from './rollcall.ts'
export type { RoomCloseName } from './room/closes.ts'
export { NotJoined, RoomClosed } from './room/error.ts'
export { type RoomLimits, roomLimits } from './room/limits.ts'
export type { IceServer, JoinOptions, LiveRoom, LiveRoomEvents, RoomClose, RoomState } from './room/live-room.ts'
export type { Measurable } from './room/quality-watch.ts'
export { joinRoom } from './room/room.ts'
export type { ListedRoom, NewInvite, NewRoom, Rooms } from './rooms.ts'
export type { ScheduleAttendanceOptions, Schedules } from './schedules.ts'
export type { SessionFilters, Sessions } from './sessions.ts'
export type { Shares } from './shares.ts'
export { type KeyPair, type SignedClaims, signToken, type TokenSource } from './token.ts'
export type { Users } from './users.ts'
export type { NewWebhook, WebhookChanges, WebhookReplay, Webhooks } from './webhooks.ts'
