import { Button, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { DashboardUser, UserWithPassword } from '@rollcall/client'
import { useState } from 'react'
import { Secret } from '../secret.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { useSubmit } from '../submit.ts'

/** Asks first; then it shows the new password, this once. */
export function ResetPassword({ user: { userId, name } }: { user: DashboardUser }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const [reset, setReset] = useState<UserWithPassword>()
  const { failure, busy, submit } = useSubmit(async () => setReset(await rollcall.users.resetPassword(userId)))
  const leave = () => {
    setReset(undefined)
    close()
  }
  return (
    <>
      <Button variant="default" size="xs" onClick={open} aria-label={`New password for ${name}`}>
        New password
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={`New password for ${name}`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {reset !== undefined ? (
          <Stack>
            <Secret label="Password" value={reset.password ?? ''}>
              Give {name} this password, which they may change.
            </Secret>
          </Stack>
        ) : (
          <form onSubmit={submit}>
            <Stack>
              <Text>The old one is no longer good, and {name} is signed out in every browser.</Text>
              <WhatWentWrong>{failure}</WhatWentWrong>
              <Button type="submit" loading={busy}>
                Make it
              </Button>
            </Stack>
          </form>
        )}
      </Modal>
    </>
  )
}
