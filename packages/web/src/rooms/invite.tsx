import { Button, Checkbox, Code, CopyButton, Group, Modal, NumberInput, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { Invites } from './invites.tsx'
import classes from './rooms.module.css'

/** Makes links to a room, and shows those that there are. */
export function Invite({ roomId, name }: { roomId: string; name: string }) {
  const [opened, { open, close }] = useDisclosure()
  const [url, setUrl] = useState<string>()
  const leave = () => {
    setUrl(undefined)
    close()
  }
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open} aria-label={`Invite to ${name}`}>
        Invite
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={`Invite to ${name}`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Stack>
          {url === undefined ? (
            <NewInvite roomId={roomId} onMade={setUrl} />
          ) : (
            <MadeInvite url={url} onMore={() => setUrl(undefined)} />
          )}
          <Invites key={url} roomId={roomId} />
        </Stack>
      </Modal>
    </>
  )
}

function NewInvite({ roomId, onMade }: { roomId: string; onMade: (url: string) => void }) {
  const { rollcall } = useSignedIn()
  const { failure, busy, submit } = useSubmit(async (form) => {
    const guest = textOf(form, 'guest')
    const permissions = [form.has('asks') ? ('ask_join' as const) : ('allow_join' as const)]
    const invite = await rollcall.rooms.invite(roomId, {
      permissions: form.has('mod') ? [...permissions, 'allow_mod'] : permissions,
      expiresInSeconds: Number.parseInt(textOf(form, 'hours'), 10) * 3600,
      ...(guest !== '' && { name: guest }),
    })
    onMade(invite.url)
  })
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="guest"
          label="Their name"
          description="The link is theirs alone: they come in under this name, and as the same person every time. Without a name it is for many, and each types their own."
          maxLength={512}
          autoComplete="off"
          data-autofocus
        />
        <NumberInput
          name="hours"
          label="The link is good for"
          suffix=" hours"
          defaultValue={24}
          min={1}
          max={8784}
          allowDecimal={false}
        />
        <Checkbox name="asks" label="Has to wait until somebody inside lets them in" />
        <Checkbox name="mod" label="Is a host: may mute and remove people, lock the room and end the meeting" />
        <WhatWentWrong>{failure}</WhatWentWrong>
        <Button type="submit" loading={busy}>
          Make a link
        </Button>
      </Stack>
    </form>
  )
}

function MadeInvite({ url, onMore }: { url: string; onMore: () => void }) {
  return (
    <>
      <Text size="sm">
        Whoever has this link can join the room, and do nothing else. Send it now: it is not shown again.
      </Text>
      <Code block className={classes.link ?? ''} tabIndex={0}>
        {url}
      </Code>
      <Group>
        <CopyButton value={url}>
          {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}
        </CopyButton>
        <Button variant="default" component="a" href={url} target="_blank" rel="noreferrer">
          Open the room
        </Button>
        <Button variant="default" onClick={onMore}>
          Another link
        </Button>
      </Group>
    </>
  )
}
