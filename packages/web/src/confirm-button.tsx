import { Button, type ButtonProps, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import { WhatWentWrong } from './states.tsx'

/** A button for what cannot be undone: it asks first, and tells what went wrong. */
export function ConfirmButton({
  label,
  question,
  ariaLabel,
  run,
  ...button
}: { label: string; question: string; ariaLabel?: string; run: () => Promise<unknown> } & ButtonProps) {
  const [opened, { open, close }] = useDisclosure()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string>()
  const confirm = async () => {
    setBusy(true)
    setFailure(undefined)
    try {
      await run()
      close()
    } catch (error) {
      setFailure((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button variant="default" {...button} {...(ariaLabel && { 'aria-label': ariaLabel })} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={label} centered closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <Text>{question}</Text>
          <WhatWentWrong>{failure}</WhatWentWrong>
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button color="red.9" loading={busy} onClick={confirm} data-autofocus>
              {label}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
