import {
  Badge,
  Button,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Modal,
  NumberInput,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ListedRoom } from '@rollcall/client'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { briskMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { given } from '../search.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading, WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { Time } from '../time.tsx'
import { ActionsHead, WideTable } from '../wide-table.tsx'
import classes from './rooms.module.css'
import { roomsPerPage } from './search.ts'

export function RoomsPage() {
  const { query, page = 1 } = useSearch({ from: '/rooms' })
  const navigate = useNavigate({ from: '/rooms' })
  const { rollcall } = useSignedIn()
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
        <CreateRoom
          onCreated={(roomId) => {
            setCreated(roomId)
            refetch()
          }}
        />
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
          {query === undefined && 'Create one here; rooms of media servers that report appear by themselves.'}
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
  const { rollcall } = useSignedIn()
  return (
    <WideTable label="Rooms">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Room</Table.Th>
          <Table.Th className={classes.wide}>Created</Table.Th>
          <Table.Th>Status</Table.Th>
          <ActionsHead />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rooms.map(({ roomId, customRoomId, createdAt, disabled }) => (
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
            </Table.Td>
            <Table.Td className={classes.wide}>
              <Time at={createdAt} />
            </Table.Td>
            <Table.Td>
              <Badge variant="default" tt="none" miw="max-content">
                {disabled ? 'Closed' : 'Open'}
              </Badge>
            </Table.Td>
            <Table.Td>
              {!disabled && (
                <div className={classes.actions}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    component={Link}
                    to={`/schedules?room=${encodeURIComponent(roomId)}`}
                    aria-label={`Schedules of ${customRoomId ?? roomId}`}
                  >
                    Schedules
                  </Button>
                  <Invite roomId={roomId} name={customRoomId ?? roomId} />
                  <ConfirmButton
                    size="compact-sm"
                    label="Deactivate"
                    ariaLabel={`Deactivate ${customRoomId ?? roomId}`}
                    question="Nobody can join this room any more, and what runs in it ends at once. Its record stays."
                    run={async () => {
                      await rollcall.rooms.deactivate(roomId)
                      onChanged()
                    }}
                  />
                </div>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </WideTable>
  )
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

function Invite({ roomId, name }: { roomId: string; name: string }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const [url, setUrl] = useState<string>()
  const { failure, busy, submit } = useSubmit(async (form) => {
    const guest = textOf(form, 'guest')
    const permissions = form.has('asks')
      ? (['ask_join'] as const)
      : form.has('mod')
        ? (['allow_join', 'allow_mod'] as const)
        : (['allow_join'] as const)
    const expiresInSeconds = Number(form.get('hours') ?? 24) * 3600
    const invite = await rollcall.rooms.invite(roomId, {
      permissions: [...permissions],
      expiresInSeconds,
      ...(guest !== '' && { name: guest }),
    })
    setUrl(invite.url)
  })
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
        {url === undefined ? (
          <form onSubmit={submit}>
            <Stack>
              <TextInput
                name="guest"
                label="Their name"
                description="Optional: they can choose one"
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
              <Checkbox name="mod" label="May let people in, mute and remove them" />
              <WhatWentWrong>{failure}</WhatWentWrong>
              <Button type="submit" loading={busy}>
                Make a link
              </Button>
            </Stack>
          </form>
        ) : (
          <Stack>
            <Text size="sm">Whoever has this link can join the room, and do nothing else.</Text>
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
            </Group>
          </Stack>
        )}
      </Modal>
    </>
  )
}
