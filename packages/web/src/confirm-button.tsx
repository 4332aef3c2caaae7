import { Button, type ButtonProps, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import { WhatWentWrong } from './states.tsx'

type Confirmed = {
  label: string
  question: string
  /** What has to be typed before it is done, so that nobody does it to something else. */
  typed?: string
  run: () => Promise<unknown>
}

/** A button for what cannot be undone: it asks first, and tells what went wrong. */
export function ConfirmButton({
  label,
  question,
  typed,
  ariaLabel,
  run,
  ...button
}: Confirmed & { ariaLabel?: string } & ButtonProps) {
  const [opened, { open, close }] = useDisclosure()
  return (
    <>
      <Button variant="default" {...button} {...(ariaLabel && { 'aria-label': ariaLabel })} onClick={open}>
        {label}
      </Button>
      <ConfirmDialog
        {...{ label, question, run }}
        {...(typed !== undefined && { typed })}
        opened={opened}
        onClose={close}
      />
    </>
  )
}

/** The question alone, for what is chosen elsewhere. */
export function ConfirmDialog({
  label,
  question,
  typed,
  run,
  opened,
  onClose,
}: Confirmed & { opened: boolean; onClose: () => void }) {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string>()
  const [said, setSaid] = useState('')
  const leave = () => {
    setSaid('')
    setFailure(undefined)
    onClose()
  }
  const confirm = async () => {
    setBusy(true)
    setFailure(undefined)
    try {
      await run()
      leave()
    } catch (error) {
      setFailure((error as Error).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Modal opened={opened} onClose={leave} title={label} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text>{question}</Text>
        {typed !== undefined && (
          <TextInput
            label={`Type ${typed} to go on`}
            value={said}
            onChange={(event) => setSaid(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        <WhatWentWrong>{failure}</WhatWentWrong>
        <Group justify="flex-end">
          <Button variant="default" onClick={leave}>
            Cancel
          </Button>
          <Button
            color="red.9"
            loading={busy}
            onClick={confirm}
            disabled={typed !== undefined && said.trim() !== typed}
            data-autofocus={typed === undefined || undefined}
          >
            {label}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
