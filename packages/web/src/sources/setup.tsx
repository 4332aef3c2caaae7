import { Button, Code, CopyButton, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Source } from '@rollcall/protocol'
import { engines } from './fields.tsx'
import classes from './sources.module.css'

/** The very lines for that media server. */
export function Setup({ source: { type, setup } }: { source: Source }) {
  return (
    <Stack gap="xs">
      <Code block className={classes.setup ?? ''} tabIndex={0} aria-label="Lines to paste">
        {setup}
      </Code>
      <Group justify="space-between" gap="xs">
        <CopyButton value={setup}>
          {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}
        </CopyButton>
        <Text size="sm" c="dimmed">
          For {engines[type].title}
        </Text>
      </Group>
    </Stack>
  )
}

export function SetupButton({ source }: { source: Source }) {
  const [opened, { open, close }] = useDisclosure()
  const { name } = source
  return (
    <>
      <Button size="xs" variant="default" onClick={open} aria-label={`Lines to paste for ${name}`}>
        Lines to paste
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={`Lines to paste for ${name}`}
        size="lg"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Setup source={source} />
      </Modal>
    </>
  )
}
