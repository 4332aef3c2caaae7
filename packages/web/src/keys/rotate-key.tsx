import { Button, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { OwnerKeyWithSecret } from '@rollcall/client'
import { useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { useSubmit } from '../submit.ts'
import { KeySecret } from './key-secret.tsx'

/** Asks first; then it shows the new secret, this once. */
export function RotateKey({ apiKey, name, onRotated }: { apiKey: string; name: string; onRotated: () => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const [rotated, setRotated] = useState<OwnerKeyWithSecret>()
  const { failure, busy, submit } = useSubmit(async () => {
    setRotated(await rollcall.keys.rotateSecret(apiKey))
    onRotated()
  })
  const leave = () => {
    setRotated(undefined)
    close()
  }
  return (
    <>
      <Button variant="default" size="xs" onClick={open} aria-label={`New secret for ${name}`}>
        New secret
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={`New secret for ${name}`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {rotated !== undefined ? (
          <KeySecret of={rotated} />
        ) : (
          <form onSubmit={submit}>
            <Stack>
              <Text>The old secret stays good beside the new one for a day.</Text>
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
