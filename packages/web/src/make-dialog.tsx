import { Button, type ButtonProps, Modal, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type ReactNode, useState } from 'react'
import { WhatWentWrong } from './states.tsx'
import { useSubmit } from './submit.ts'

type Making<Made> = {
  button: string
  /** What else the button is: small, of a row, named in full. */
  buttonProps?: Pick<ButtonProps, 'variant' | 'size'> & { 'aria-label'?: string }
  /** Over the form, and over what was made. */
  titleOf(made: Made | undefined): string
  make(form: FormData): Promise<Made>
  /** What is seen of it: this once. */
  show(made: Made): ReactNode
  submitLabel: string
  isLarge?: boolean
  /** What the form says and asks. */
  children: ReactNode
}

/** A button, the form behind it, and then what that made, which is forgotten when the dialog is closed. */
export function MakeDialog<Made>(making: Making<Made>) {
  const { button, buttonProps, titleOf, make, show, submitLabel, isLarge = false, children } = making
  const [opened, { open, close }] = useDisclosure()
  const [made, setMade] = useState<Made>()
  const { failure, busy, submit } = useSubmit(async (form) => setMade(await make(form)))
  const leave = () => {
    setMade(undefined)
    close()
  }
  return (
    <>
      <Button {...buttonProps} onClick={open}>
        {button}
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={titleOf(made)}
        {...(isLarge ? { size: 'lg' } : { centered: true })}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {made !== undefined ? (
          show(made)
        ) : (
          <form onSubmit={submit}>
            <Stack>
              {children}
              <WhatWentWrong>{failure}</WhatWentWrong>
              <Button type="submit" loading={busy}>
                {submitLabel}
              </Button>
            </Stack>
          </form>
        )}
      </Modal>
    </>
  )
}
