import { Button, Modal, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { UserWithPassword } from '@rollcall/client'
import { useState } from 'react'
import { Secret } from '../secret.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { RoleFields, readRole } from './role-fields.tsx'

/** A button, and the form behind it; then it shows the first password, this once. */
export function AddUser({ onAdded }: { onAdded: () => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const [added, setAdded] = useState<UserWithPassword>()
  const { failure, busy, submit } = useSubmit(async (form) => {
    setAdded(await rollcall.users.create({ name: textOf(form, 'name'), ...readRole(form) }))
    onAdded()
  })
  const leave = () => {
    setAdded(undefined)
    close()
  }
  return (
    <>
      <Button onClick={open}>Add a user</Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={added === undefined ? 'Add a user' : `${added.name} may sign in`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {added !== undefined ? (
          <Stack>
            <Secret label="Password" value={added.password ?? ''}>
              Give {added.name} this password, which they may change.
            </Secret>
          </Stack>
        ) : (
          <form onSubmit={submit}>
            <Stack>
              <TextInput
                name="name"
                label="Name"
                description="A name or an address of mail, to sign in with"
                required
                data-autofocus
                spellCheck={false}
                autoComplete="off"
              />
              <RoleFields />
              <WhatWentWrong>{failure}</WhatWentWrong>
              <Button type="submit" loading={busy}>
                Add
              </Button>
            </Stack>
          </form>
        )}
      </Modal>
    </>
  )
}
