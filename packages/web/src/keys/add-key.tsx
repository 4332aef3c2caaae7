import { Button, Checkbox, Modal, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { KeyScope, OwnerKeyWithSecret } from '@rollcall/client'
import { useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { KeySecret } from './key-secret.tsx'

const scopes: { [scope in KeyScope]: string } = {
  read: 'Read the record',
  ingest: 'Bring events and imports',
  rooms: 'Run rooms: make, invite, join, end',
  all: 'Everything, keys included',
}

/** A button, and the form behind it. */
export function AddKey({ onAdded }: { onAdded: () => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const [added, setAdded] = useState<OwnerKeyWithSecret>()
  const { failure, busy, submit } = useSubmit(async (form) => {
    const ends = textOf(form, 'expiresAt')
    setAdded(
      await rollcall.keys.create({
        name: textOf(form, 'name'),
        scopes: form.getAll('scopes') as KeyScope[],
        expiresAt: ends === '' ? 'never' : new Date(`${ends}T00:00`).toISOString(),
      }),
    )
    onAdded()
  })
  const leave = () => {
    setAdded(undefined)
    close()
  }
  return (
    <>
      <Button onClick={open}>Add a key</Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={added === undefined ? 'Add a key' : `The key ${added.name} is there`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {added !== undefined ? (
          <KeySecret of={added} />
        ) : (
          <form onSubmit={submit}>
            <Stack>
              <TextInput name="name" label="Name" description="What or whom it is for" required data-autofocus />
              <Checkbox.Group label="May do" defaultValue={['read']}>
                <Stack gap="xs" mt="xs">
                  {Object.entries(scopes).map(([scope, label]) => (
                    <Checkbox key={scope} name="scopes" value={scope} label={label} />
                  ))}
                </Stack>
              </Checkbox.Group>
              <TextInput name="expiresAt" type="date" label="Ends" description="Left empty, it does not end" />
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
