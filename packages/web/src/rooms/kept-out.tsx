import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Failure, Loading, WhatWentWrong } from '../states.tsx'
import { Time } from '../time.tsx'
import classes from './rooms.module.css'

/** Shows who is kept out of a room, and lets them back. */
export function KeptOut({ roomId, name }: { roomId: string; name: string }) {
  const [opened, { open, close }] = useDisclosure()
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={open} aria-label={`Who is kept out of ${name}`}>
        Kept out
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={`Kept out of ${name}`}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <People roomId={roomId} />
      </Modal>
    </>
  )
}

function People({ roomId }: { roomId: string }) {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(['kept-out', roomId], () => rollcall.rooms.keptOut(roomId), briskMs)
  const [failure, setFailure] = useState<string>()
  const letBack = async (participantId: string) => {
    try {
      await rollcall.rooms.letBack(roomId, participantId)
      refetch()
    } catch (error) {
      setFailure((error as Error).message)
    }
  }
  if (error !== null) return <Failure error={error} retry={refetch} />
  if (data === undefined) return <Loading />
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {data.length === 0
          ? 'Nobody is. A host inside the room, who removes somebody, can keep them out.'
          : 'They do not come in, by whichever link, until they are let back.'}
      </Text>
      {data.map(({ participantId, name, keptOutAt }) => (
        <Group key={participantId} justify="space-between" wrap="nowrap">
          <div className={classes.invite}>
            <Text size="sm" fw={600}>
              {name || participantId}
            </Text>
            <Text size="xs" c="dimmed" component="div">
              {name !== '' && `${participantId}, `}since <Time at={keptOutAt} />
            </Text>
          </div>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => letBack(participantId)}
            aria-label={`Let ${name || participantId} back`}
          >
            Let back
          </Button>
        </Group>
      ))}
      <WhatWentWrong>{failure}</WhatWentWrong>
    </Stack>
  )
}
