import { Group, Table, Text } from '@mantine/core'
import { isPerson, type Session } from '@rollcall/client'
import { Link } from '@tanstack/react-router'
import { formatNumber } from '../formats.ts'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { formatDuration, RunningClock, Time } from '../time.tsx'
import classes from './sessions.module.css'

/** Names that a row has room for. */
const namesMax = 3

const keys: Keys<Session, 'room' | 'started' | 'lasted' | 'people' | 'most' | 'time' | 'source'> = {
  room: ({ customRoomId, roomId }) => customRoomId ?? roomId,
  started: ({ start }) => start,
  lasted: ({ start, end }) => (end === null ? null : Date.parse(end) - Date.parse(start)),
  people: ({ uniqueParticipants }) => uniqueParticipants,
  most: ({ maxJoinedPeersCount }) => maxJoinedPeersCount,
  time: ({ participantSeconds }) => participantSeconds,
  source: ({ engine }) => engine,
}

export function SessionTable({
  sessions,
  at,
  labelledBy,
  isWhole = false,
}: {
  sessions: Session[]
  at: string | undefined
  labelledBy: string
  /** There are no more than these. */
  isWhole?: boolean
}) {
  const ordered = useSorting(sessions, keys)
  const sorting = isWhole ? ordered : undefined
  return (
    <div className={`card ${classes.table}`}>
      <Table verticalSpacing="sm" horizontalSpacing="md" aria-labelledby={labelledBy}>
        <Table.Thead>
          <Table.Tr>
            <SortedHead by="room" sorting={sorting} className={classes.room}>
              Room
            </SortedHead>
            <SortedHead by="started" sorting={sorting} className={classes.wide}>
              Started
            </SortedHead>
            <SortedHead by="lasted" sorting={sorting}>
              Lasted
            </SortedHead>
            <SortedHead by="people" sorting={sorting}>
              {at === undefined ? 'People' : 'Inside then'}
            </SortedHead>
            <SortedHead by="most" sorting={sorting} className={classes.wide}>
              At most
            </SortedHead>
            <SortedHead by="time" sorting={sorting} className={classes.wide}>
              Time inside
            </SortedHead>
            <SortedHead by="source" sorting={sorting} className={classes.wide}>
              Source
            </SortedHead>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {(sorting?.sorted ?? sessions).map((session) => (
            <Row key={session.id} session={session} isAtMoment={at !== undefined} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function Row({ session, isAtMoment }: { session: Session; isAtMoment: boolean }) {
  const { id, start, end, roomId, customRoomId, engine } = session
  const lasted = end === null ? undefined : (Date.parse(end) - Date.parse(start)) / 1000
  return (
    <Table.Tr className={classes.row ?? ''}>
      <Table.Td>
        <Link className={classes.name} to="/sessions/$sessionId" params={{ sessionId: id }}>
          {customRoomId ?? roomId}
        </Link>
        <Text c="dimmed" size="xs" className={classes.narrow ?? ''}>
          <Time at={start} />
        </Text>
      </Table.Td>
      <Table.Td className={classes.wide ?? ''}>
        <Time at={start} />
      </Table.Td>
      <Table.Td className="numeric">
        {lasted === undefined ? (
          <Group gap={8} wrap="nowrap" className="live-text">
            <span className="live-dot" />
            <RunningClock since={start} />
          </Group>
        ) : (
          formatDuration(lasted)
        )}
      </Table.Td>
      <Table.Td>
        <People session={session} isAtMoment={isAtMoment} />
      </Table.Td>
      <Table.Td className={`numeric ${classes.wide}`}>{formatNumber(session.maxJoinedPeersCount)}</Table.Td>
      <Table.Td className={`numeric ${classes.wide}`}>{formatDuration(session.participantSeconds)}</Table.Td>
      <Table.Td className={classes.wide}>{engine}</Table.Td>
    </Table.Tr>
  )
}

/** How many, and who: of a live session those inside now, at a moment those inside then. */
function People({ session, isAtMoment }: { session: Session; isAtMoment: boolean }) {
  const { activeParticipantIds = [], uniqueParticipants, end } = session
  const participants = session.participants.filter(({ kind }) => isPerson(kind))
  const inside = participants.filter(({ timelog }) => timelog.some((entry) => entry.end === null))
  const shown = isAtMoment
    ? participants.filter(({ participantId }) => activeParticipantIds.includes(participantId))
    : end === null
      ? inside
      : participants
  const count = isAtMoment ? activeParticipantIds.length : end === null ? inside.length : uniqueParticipants
  const names = shown.slice(0, namesMax).map(({ name, participantId }) => name || participantId)
  return (
    <>
      <span className="numeric">
        {formatNumber(count)}
        {end === null && !isAtMoment && ' inside'}
      </span>{' '}
      <Text span c="dimmed" size="sm" className={classes.wide} mx={8}>
        {names.join(', ')}
        {count > names.length && names.length > 0 && ' …'}
      </Text>
    </>
  )
}
