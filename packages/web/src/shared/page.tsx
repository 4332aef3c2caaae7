import { Container, Stack, Table, Text, Title } from '@mantine/core'
import type { SharedReport } from '@rollcall/client'
import { useQuery } from '@tanstack/react-query'
import { openShare } from '../access.ts'
import { formatDay, formatNumber } from '../formats.ts'
import { Logo } from '../logo.tsx'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Failure, Loading } from '../states.tsx'
import { formatDuration, Time } from '../time.tsx'
import { WideTable } from '../wide-table.tsx'
import { ZoneChoice } from '../zone.tsx'

/** The report that a link shares, for whoever has the link: nothing else is to be reached from here. */
export function SharedPage() {
  const code = location.hash.slice(1)
  const { data, error, refetch } = useQuery({
    queryKey: ['shared', code],
    queryFn: () => openShare(code),
    retry: false,
  })
  return (
    <Container component="main" size={900} py="xl">
      <Stack gap="lg">
        <Logo />
        {error !== null && <Failure error={error} retry={refetch} />}
        {data === undefined && error === null && <Loading />}
        {data?.session !== undefined && <SessionReport session={data.session} />}
        {data?.person !== undefined && <PersonReport person={data.person} />}
        {data !== undefined && (
          <Text size="sm" c="dimmed">
            This was shared with you, and may be opened until <Time at={data.expiresAt} />.
          </Text>
        )}
      </Stack>
      <ZoneChoice />
    </Container>
  )
}

type Attendee = NonNullable<SharedReport['session']>['people'][number]
const keys: Keys<Attendee, 'person' | 'came' | 'left' | 'inside'> = {
  person: ({ name, participantId }) => name || participantId,
  came: ({ start }) => start,
  // Whoever is inside leaves after all others.
  left: ({ end }) => end ?? '9999',
  inside: ({ seconds }) => seconds,
}

function SessionReport({ session }: { session: NonNullable<SharedReport['session']> }) {
  const { roomId, customRoomId, start, end, people } = session
  const sorting = useSorting(people, keys)
  return (
    <>
      <div>
        <Title order={1} size="h2">
          {customRoomId ?? roomId}
        </Title>
        <Text c="dimmed">
          <Time at={start} /> to {end === null ? 'now' : <Time at={end} />}
        </Text>
      </div>
      <WideTable label="Who was inside" leastWidth={480}>
        <Table.Thead>
          <Table.Tr>
            <SortedHead by="person" sorting={sorting}>
              Person
            </SortedHead>
            <SortedHead by="came" sorting={sorting}>
              Came
            </SortedHead>
            <SortedHead by="left" sorting={sorting}>
              Left
            </SortedHead>
            <SortedHead by="inside" sorting={sorting}>
              Inside
            </SortedHead>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorting.sorted.map(({ participantId, name, start, end, seconds }) => (
            <Table.Tr key={participantId}>
              <Table.Td>{name || participantId}</Table.Td>
              <Table.Td className="numeric">
                <Time at={start} as="clock" />
              </Table.Td>
              <Table.Td className="numeric">{end === null ? 'inside' : <Time at={end} as="clock" />}</Table.Td>
              <Table.Td className="numeric">{formatDuration(seconds)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
    </>
  )
}

function PersonReport({ person }: { person: NonNullable<SharedReport['person']> }) {
  const { id, name, sessions, rooms, totalSeconds, time } = person
  return (
    <>
      <div>
        <Title order={1} size="h2">
          {name || id}
        </Title>
        <Text c="dimmed">
          {formatDuration(totalSeconds)} inside, in {formatNumber(sessions)} sessions of {formatNumber(rooms)} rooms
        </Text>
      </div>
      <WideTable label="Day by day">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Day (UTC)</Table.Th>
            <Table.Th>Sessions</Table.Th>
            <Table.Th>Inside</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {time.map(({ start, sessions, seconds }) => (
            <Table.Tr key={start}>
              <Table.Td>{formatDay(start)}</Table.Td>
              <Table.Td className="numeric">{formatNumber(sessions)}</Table.Td>
              <Table.Td className="numeric">{formatDuration(seconds)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
    </>
  )
}
