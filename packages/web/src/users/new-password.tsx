import type { UserWithPassword } from '@rollcall/client'
import { Secret } from '../secret.tsx'

/** A password that was just made, for whoever gives it to the user. */
export function NewPassword({ of: { name, password } }: { of: UserWithPassword }) {
  return (
    <Secret label="Password" value={password ?? ''}>
      Give {name} this password, which they may change.
    </Secret>
  )
}
