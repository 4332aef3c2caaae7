import { Button, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Source } from '@rollcall/protocol'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { useSubmit } from '../submit.ts'
import { readSource, SourceFields } from './fields.tsx'

export function ChangeSource({ source, onChanged }: { source: Source; onChanged: () => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const { id, type, name } = source
  const { failure, busy, submit } = useSubmit(async (form) => {
    await rollcall.updateSource(id, readSource(form, type))
    onChanged()
    close()
  })
  return (
    <>
      <Button size="xs" variant="default" onClick={open} aria-label={`Change ${name}`}>
        Change
      </Button>
      <Modal opened={opened} onClose={close} title={`Change ${name}`} closeButtonProps={{ 'aria-label': 'Close' }}>
        <form onSubmit={submit}>
          <Stack>
            <SourceFields type={type} source={source} />
            <Text size="sm" c="dimmed">
              What is signed with the credentials before is taken for another day.
            </Text>
            <WhatWentWrong>{failure}</WhatWentWrong>
            <Button type="submit" loading={busy}>
              Change it
            </Button>
          </Stack>
        </form>
      </Modal>
    </>
  )
}
