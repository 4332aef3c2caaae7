import type { Generated } from 'kysely'

/** The tables of who may call: as those of `tables.ts`. */
export type KeyTables = {
  keys: {
    key_id: Generated<number>
    api_key: string
    user_id: string
    name: string | null
    email: string | null
    /** Encrypted under the master key. */
    secret: string
    previous_secret: string | null
    previous_until: number | null
    disabled_at: number | null
    created_at: number
  }
  /** Further keys of the same owner, which is `key_id`. */
  scoped_keys: {
    key_id: number
    api_key: string
    name: string
    scopes_json: string
    /** Encrypted under the master key. */
    secret: string
    previous_secret: string | null
    previous_until: number | null
    expires_at: number | null
    disabled_at: number | null
    created_at: number
  }
  /** For how many days the sessions of a key are kept, where its owner says so. */
  retention: { key_id: number; days: number }
  key_uses: { key_id: number; api_key: string; used_at: number }
  /** Who did what; nothing is changed in it but who an erased person was. */
  audit: {
    key_id: number
    at: number
    id: string
    /** An operation of the API, or a command. */
    action: string
    /** Null: by the command line. */
    api_key: string | null
    as_participant: string | null
    /** What it was done to, by the names of ids. */
    about_json: string
    participant_id: string | null
    user_name: string | null
  }
  /** Users of the dashboard: of no key by themselves, since one may see several. */
  users: {
    user_id: string
    name: string
    name_folded: string
    /** Null: they sign in elsewhere, or not yet. */
    password_hash: string | null
    /** Who they are to the provider of their sign-in. */
    subject: string | null
    created_at: number
    signed_in_at: number | null
  }
  user_keys: { key_id: number; user_id: string; role: string; rooms_json: string }
  /** Reports that whoever has the link may read, known by its digest. */
  shares: {
    key_id: number
    share_id: string
    digest: string
    session_id: string | null
    person_id: string | null
    created_by: string | null
    created_at: number
    expires_at: number
  }
  /** Browsers in which somebody is signed in: a user, or whoever had a token. `key_id`: whose record is looked at. */
  sign_ins: {
    key_id: number
    digest: string
    sign_in_id: string
    user_id: string | null
    /** Encrypted under the master key. */
    token: string | null
    browser: string
    created_at: number
    seen_at: number
    expires_at: number
  }
  /** Who may not come into a room. */
  kept_out: {
    key_id: number
    room_id: string
    participant_id: string
    name: string
    /** By which link they came, where whoever has it may come as somebody else. */
    link: string | null
    by_participant: string | null
    kept_out_at: number
  }
  /** Links for guests of a room, by the digests of their codes. */
  invites: {
    key_id: number
    id: string
    room_id: string
    /** Whose secret its tokens are signed with. */
    api_key: string
    digest: string
    /** Null: whoever comes by it is a person of their own. */
    participant_id: string | null
    name: string | null
    /** What the name looks like: see `runtime/look.ts`. */
    look: string | null
    permissions_json: string
    created_at: number
    expires_at: number
    revoked_at: number | null
  }
  /** `api_key`: null in links of before there were further keys, which are of the first. */
  links: { digest: string; key_id: number; api_key: string | null; expires_at: number }
}
