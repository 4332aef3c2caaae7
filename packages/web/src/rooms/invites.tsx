import { Button, Group, Stack, Text, Title } from '@mantine/core'
import type { ListedInvite } from '@rollcall/client'
import { useState } from 'react'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Failure, WhatWentWrong } from '../states.tsx'
import { Time } from '../time.tsx'
import classes from './rooms.module.css'

/** Most links that are shown. */
const shownMax = 50

/** The links to a room, newest first, and the way to take one back. */
export function Invites({ roomId }: { roomId: string }) {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(
    ['invites', roomId],
    () => rollcall.rooms.invites(roomId, { perPage: shownMax }).page(1),
    briskMs,
  )
  if (error !== null) return <Failure error={error} retry={refetch} />
  if (data === undefined || data.data.length === 0) return null
  return (
    <Stack gap="xs" component="section" aria-label="Links to this room">
      <Title order={2} size="h5">
        Links to this room
      </Title>
      {data.data.map((invite) => (
        <One key={invite.id} invite={invite} onRevoked={refetch} />
      ))}
      {data.pageInfo.total > shownMax && (
        <Text size="sm" c="dimmed">
          And {data.pageInfo.total - shownMax} older ones, which the API lists.
        </Text>
      )}
    </Stack>
  )
}

function One({ invite, onRevoked }: { invite: ListedInvite; onRevoked: () => void }) {
  const { rollcall } = useSignedIn()
  const [isSure, setSure] = useState(false)
  const [failure, setFailure] = useState<string>()
  const whose = invite.name ?? invite.participantId ?? 'For many'
  const isOver = invite.revokedAt !== null || Date.parse(invite.expiresAt) <= Date.now()
  const revoke = async () => {
    if (!isSure) return setSure(true)
    try {
      await rollcall.rooms.revokeInvite(invite.roomId, invite.id)
      onRevoked()
    } catch (error) {
      setFailure((error as Error).message)
    }
  }
  return (
    <div>
      <Group justify="space-between" wrap="nowrap">
        <div className={classes.invite}>
          <Text size="sm" fw={600}>
            {whose}
            {invite.permissions.includes('allow_mod') && ' · host'}
            {invite.permissions.includes('ask_join') && ' · has to ask'}
          </Text>
          <Text size="xs" c="dimmed" component="div">
            {invite.revokedAt !== null ? 'Revoked ' : isOver ? 'Over since ' : 'Good until '}
            <Time at={invite.revokedAt ?? invite.expiresAt} />
          </Text>
        </div>
        {!isOver && (
          <Button
            size="compact-sm"
            variant={isSure ? 'filled' : 'default'}
            {...(isSure && { color: 'red.9' })}
            onClick={revoke}
            onBlur={() => setSure(false)}
            aria-label={`${isSure ? 'Really revoke' : 'Revoke'} the link of ${whose}`}
          >
            {isSure ? 'Really revoke' : 'Revoke'}
          </Button>
        )}
      </Group>
      <WhatWentWrong>{failure}</WhatWentWrong>
    </div>
  )
}
