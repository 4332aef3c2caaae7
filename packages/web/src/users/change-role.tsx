import { Button, Modal, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { DashboardUser } from '@rollcall/client'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { useSubmit } from '../submit.ts'
import { RoleFields, readRole } from './role-fields.tsx'

export function ChangeRole({ user, onChanged }: { user: DashboardUser; onChanged: () => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const { failure, busy, submit } = useSubmit(async (form) => {
    await rollcall.users.update(user.userId, readRole(form))
    onChanged()
    close()
  })
  return (
    <>
      <Button variant="default" size="xs" onClick={open} aria-label={`Change the role of ${user.name}`}>
        Role
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={`What ${user.name} may do`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <form onSubmit={submit}>
          <Stack>
            <RoleFields user={user} />
            <WhatWentWrong>{failure}</WhatWentWrong>
            <Button type="submit" loading={busy}>
              Change
            </Button>
          </Stack>
        </form>
      </Modal>
    </>
  )
}
