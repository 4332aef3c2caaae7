import { Badge, Button, Code, Group, Modal, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ListedRoom } from '@rollcall/client'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { briskMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { describeDays } from '../retention/dialog.tsx'
import { given } from '../search.ts'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { Time } from '../time.tsx'
import { ActionsHead, Folded, foldedColumn, WideTable } from '../wide-table.tsx'
import { RoomActions } from './actions.tsx'
import classes from './rooms.module.css'
import { roomsPerPage } from './search.ts'

export function RoomsPage() {
  const { query, page = 1 } = useSearch({ from: '/rooms' })
  const navigate = useNavigate({ from: '/rooms' })
  const { rollcall } = useSignedIn()
  const may = useMay()
  const { data, error, refetch } = useLive(
    ['rooms', query, page],
    () => rollcall.rooms.list({ perPage: roomsPerPage, ...given({ search: query }) }).page(page),
    briskMs,
  )
  const [created, setCreated] = useState<string>()
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Rooms
        </Title>
        {may.administer && (
          <CreateRoom
            onCreated={(roomId) => {
              setCreated(roomId)
              refetch()
            }}
          />
        )}
      </Group>
      <TextInput
        label="Room"
        placeholder="A part of its id or name"
        maw={360}
        defaultValue={query}
        onChange={(event) =>
          navigate({ search: given({ query: event.currentTarget.value.trim() || undefined }), replace: true })
        }
      />
      {created !== undefined && (
        <Text role="status">
          Room <Code>{created}</Code> is there. Invite somebody, and open the link to meet.
        </Text>
      )}
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : data.data.length === 0 ? (
        <Empty title={query === undefined ? 'No room yet' : 'No room is called so'}>
          {query === undefined &&
            may.administer &&
            'Create one here; rooms of media servers that report appear by themselves.'}
        </Empty>
      ) : (
        <RoomTable rooms={data.data} onChanged={refetch} />
      )}
      {data !== undefined && (
        <Pages
          page={page}
          lastPage={data.pageInfo.lastPage}
          onPage={(to) => navigate({ search: (old) => given({ ...old, page: to === 1 ? undefined : to }) })}
        />
      )}
    </Stack>
  )
}

function RoomTable({ rooms, onChanged }: { rooms: ListedRoom[]; onChanged: () => void }) {
  return (
    <WideTable label="Rooms">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Room</Table.Th>
          <Table.Th className={foldedColumn}>Created</Table.Th>
          <Table.Th className={foldedColumn}>Status</Table.Th>
          <ActionsHead />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rooms.map(({ roomId, customRoomId, createdAt, disabled, lockedAt, retentionDays }) => (
          <Table.Tr key={roomId}>
            <Table.Td className={classes.name}>
              <Link to="/" search={{ room: roomId }}>
                {customRoomId ?? roomId}
              </Link>
              {customRoomId !== null && (
                <Text c="dimmed" size="xs">
                  {roomId}
                </Text>
              )}
              {retentionDays !== undefined && (
                <Text c="dimmed" size="xs">
                  Sessions {describeDays(retentionDays)}
                </Text>
              )}
              <Folded>{statusOf(disabled, lockedAt !== undefined)}</Folded>
            </Table.Td>
            <Table.Td className={foldedColumn}>
              <Time at={createdAt} />
            </Table.Td>
            <Table.Td className={foldedColumn}>
              <Badge variant="default" tt="none" miw="max-content">
                {statusOf(disabled, lockedAt !== undefined)}
              </Badge>
            </Table.Td>
            <Table.Td>
              <RoomActions
                room={{ roomId, disabled, lockedAt, retentionDays }}
                name={customRoomId ?? roomId}
                onChanged={onChanged}
              />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </WideTable>
  )
}

function statusOf(isClosed: boolean, isLocked: boolean): string {
  if (isClosed) return 'Closed'
  return isLocked ? 'Locked' : 'Open'
}

function CreateRoom({ onCreated }: { onCreated: (roomId: string) => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const { failure, busy, submit } = useSubmit(async (form) => {
    const customRoomId = textOf(form, 'name')
    const { roomId } = await rollcall.rooms.create(customRoomId === '' ? {} : { customRoomId })
    close()
    onCreated(roomId)
  })
  return (
    <>
      <Button onClick={open}>Create a room</Button>
      <Modal
        opened={opened}
        onClose={close}
        title="Create a room"
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              name="name"
              label="Your name for it"
              description="Optional. With a name that exists already, that room is given."
              error={failure}
              data-autofocus
              autoComplete="off"
            />
            <Button type="submit" loading={busy}>
              Create
            </Button>
          </Stack>
        </form>
      </Modal>
    </>
  )
}
