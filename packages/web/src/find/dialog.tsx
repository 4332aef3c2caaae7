import { Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type KeyboardEvent, useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { Failure } from '../states.tsx'
import classes from './find.module.css'

const shownMax = 6
const typingMs = 150
const sessionId = /^[0-9a-f]{24}$/

/** Finds rooms, people, and a session by its id, from anywhere. */
export function FindDialog({ onClose }: { onClose: () => void }) {
  const { rollcall, signInId } = useSignedIn()
  const [typed, setTyped] = useState('')
  const [wanted] = useDebouncedValue(typed.trim(), typingMs)
  const { data, error, isFetching } = useQuery({
    queryKey: [signInId, 'find', wanted],
    queryFn: async () => {
      const [rooms, people] = await Promise.all([
        rollcall.rooms.list({ search: wanted, perPage: shownMax }).page(),
        rollcall.people.find({ search: wanted, perPage: shownMax }),
      ])
      return { rooms: rooms.data, people: people.data }
    },
    enabled: wanted !== '',
  })
  const isNothing = data !== undefined && data.rooms.length + data.people.length === 0 && !sessionId.test(wanted)
  return (
    <Modal opened onClose={onClose} title="Find" size="lg" yOffset="8vh">
      <Stack gap="xs" onKeyDown={moveFocus}>
        <TextInput
          data-autofocus
          aria-label="Find rooms, people and sessions"
          placeholder="A part of a name or id"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          spellCheck={false}
          autoComplete="off"
          aria-busy={isFetching}
        />
        {error !== null && <Failure error={error} />}
        {isNothing && <Text c="dimmed">Nothing is called so.</Text>}
        {sessionId.test(wanted) && (
          <Link className={classes.found} to="/sessions/$sessionId" params={{ sessionId: wanted }} onClick={onClose}>
            The session {wanted}
          </Link>
        )}
        {data !== undefined && data.people.length > 0 && <Text className={classes.head}>People</Text>}
        {data?.people.map(({ id, name }) => (
          <Link key={id} className={classes.found} to="/people/$personId" params={{ personId: id }} onClick={onClose}>
            {name || id} <small>{name === '' ? '' : id}</small>
          </Link>
        ))}
        {data !== undefined && data.rooms.length > 0 && <Text className={classes.head}>Rooms</Text>}
        {data?.rooms.map(({ roomId, customRoomId }) => (
          <Link key={roomId} className={classes.found} to="/" search={{ room: roomId }} onClick={onClose}>
            {customRoomId ?? roomId} <small>{customRoomId === null ? '' : roomId}</small>
          </Link>
        ))}
      </Stack>
    </Modal>
  )
}

/** Arrow keys go from one to the next, as in a list. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('input, a')]
  const at = all.indexOf(document.activeElement as HTMLElement)
  event.preventDefault()
  all[Math.min(all.length - 1, Math.max(0, at + (event.key === 'ArrowDown' ? 1 : -1)))]?.focus()
}
