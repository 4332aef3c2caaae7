import { Text } from '@mantine/core'
import type { DashboardUser } from '@rollcall/client'
import { MakeDialog } from '../make-dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { NewPassword } from './new-password.tsx'

/** Asks first; then it shows the new password, this once. */
export function ResetPassword({ user: { userId, name } }: { user: DashboardUser }) {
  const { rollcall } = useSignedIn()
  const title = `New password for ${name}`
  return (
    <MakeDialog
      button="New password"
      buttonProps={{ variant: 'default', size: 'xs', 'aria-label': title }}
      titleOf={() => title}
      make={() => rollcall.users.resetPassword(userId)}
      show={(reset) => <NewPassword of={reset} />}
      submitLabel="Make it"
    >
      <Text>The old one is no longer good, and {name} is signed out in every browser.</Text>
    </MakeDialog>
  )
}
