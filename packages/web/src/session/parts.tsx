import { Stack, Title } from '@mantine/core'
import type { Session } from '@rollcall/client'
import { Link } from '@tanstack/react-router'
import { calmMs, useLive } from '../live.ts'
import { SessionTable } from '../sessions/table.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { Failure } from '../states.tsx'

/** Most parts that are shown: the list of sessions has them all. */
const partsMax = 100

/** The session that this one is a part of; its room alone where that session is not in the record. */
export function Parent({ session: { parentRoomId = '', parentSessionId } }: { session: Session }) {
  const { rollcall } = useSignedIn()
  const { data } = useLive(
    ['parent', parentSessionId],
    async () => (parentSessionId === undefined ? null : rollcall.sessions.get(parentSessionId)),
    calmMs,
  )
  if (parentSessionId === undefined) return parentRoomId
  return (
    <Link to="/sessions/$sessionId" params={{ sessionId: parentSessionId }}>
      {data?.customRoomId ?? parentRoomId}
    </Link>
  )
}

/** The sessions that are parts of this one, such as breakout rooms; nothing where there are none. */
export function Parts({ session: { id } }: { session: Session }) {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(
    ['parts', id],
    () => rollcall.sessions.list({ parentSessionId: id, perPage: partsMax }).page(),
    calmMs,
  )
  if (error !== null && data === undefined) return <Failure error={error} retry={refetch} />
  if (data === undefined || data.data.length === 0) return null
  return (
    <Stack gap="xs">
      <Title order={2} size="h4" id="parts">
        Breakouts
      </Title>
      <SessionTable sessions={data.data} at={undefined} labelledBy="parts" isWhole={data.pageInfo.lastPage <= 1} />
    </Stack>
  )
}
