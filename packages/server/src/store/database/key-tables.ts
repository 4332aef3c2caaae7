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
  }
  /** `api_key`: null in links of before there were further keys, which are of the first. */
  links: { digest: string; key_id: number; api_key: string | null; expires_at: number }
}
