/** What a token may allow its bearer in a hosted room. */
export type Permission = 'allow_join' | 'ask_join' | 'allow_mod'
/** Where a token is good: `crawler` for the API, `rtc` for joining. Absent: both. */
export type Role = 'crawler' | 'rtc'

/** The claims of a token: a JWT, HS256, signed with the secret of the key named by `apikey`. */
export type TokenClaims = {
  apikey: string
  permissions?: Permission[] | Permission
  version?: 2 | '2'
  /** The token reads and acts on this room alone. */
  roomId?: string
  /** The token joins as this participant alone. */
  participantId?: string
  /** The name that the token joins under, whatever its bearer types. */
  name?: string
  /** The invite that the token was made for: it is good as long as that is. */
  invite?: string
  roles?: Role[] | Role
  /** Seconds since the epoch, as in every JWT. */
  iat?: number
  exp?: number
  nbf?: number
}
