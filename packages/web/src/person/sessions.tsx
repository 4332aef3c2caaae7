import { Group, Table, Text, Title } from '@mantine/core'
import type { Person, PersonSession } from '@rollcall/client'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { DownloadButtons, toTables } from '../downloads.tsx'
import { calmMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { explainEnd } from '../session/reasons.ts'
import { useSignedIn } from '../signed-in.tsx'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Failure, Loading } from '../states.tsx'
import { formatDuration, isOneDay, Time } from '../time.tsx'
import { Folded, foldedColumn, WideTable } from '../wide-table.tsx'
import classes from './person.module.css'

const perPage = 20
const path = '/people/$personId'
const none: PersonSession[] = []
const keys: Keys<PersonSession, 'session' | 'inside' | 'for'> = {
  session: ({ customRoomId, roomId }) => customRoomId ?? roomId,
  inside: ({ stays, start }) => stays[0]?.start ?? start,
  for: ({ seconds }) => seconds,
}

/** Each of their sessions, with every time that they were inside. */
export function PersonSessions({ person }: { person: Person }) {
  const { page = 1 } = useSearch({ from: path })
  const navigate = useNavigate({ from: path })
  const { rollcall } = useSignedIn()
  const [failure, setFailure] = useState<Error>()
  const { data, error } = useLive(
    ['person-sessions', person.id, page],
    () => rollcall.people.sessions(person.id, { perPage }).page(page),
    calmMs,
  )
  const sorting = useSorting(data?.data ?? none, keys)
  if (error !== null && data === undefined) return <Failure error={error} />
  if (data === undefined) return <Loading />
  const whole = data.pageInfo.lastPage <= 1 ? sorting : undefined
  return (
    <section aria-labelledby="sessions">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4" id="sessions">
          Sessions
        </Title>
        <DownloadButtons
          downloads={toTables(
            'Every time inside',
            `/v2/people/${encodeURIComponent(person.id)}/sessions`,
            `${person.name || person.id} stays`,
          )}
          onFailure={setFailure}
        />
      </Group>
      {failure !== undefined && <Failure error={failure} />}
      <WideTable label="Sessions" verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <SortedHead by="session" sorting={whole}>
              Session
            </SortedHead>
            <SortedHead by="inside" sorting={whole}>
              Inside
            </SortedHead>
            <SortedHead by="for" sorting={whole} className={foldedColumn}>
              For
            </SortedHead>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {(whole?.sorted ?? data.data).map((one) => (
            <Row key={`${one.sessionId} ${one.participantId}`} session={one} />
          ))}
        </Table.Tbody>
      </WideTable>
      <Pages
        page={data.pageInfo.currentPage}
        lastPage={data.pageInfo.lastPage}
        onPage={(to) => navigate({ search: to === 1 ? {} : { page: to } })}
      />
    </section>
  )
}

function Row({ session }: { session: PersonSession }) {
  const { sessionId, customRoomId, roomId, start, stays, seconds } = session
  // The session's own day is said already.
  const asOf = (at: string) => (isOneDay(start, at) ? 'clock' : 'moment')
  return (
    <Table.Tr>
      <Table.Td className={classes.anywhere ?? ''}>
        <Link className={classes.link} to="/sessions/$sessionId" params={{ sessionId }}>
          {customRoomId ?? roomId}
        </Link>
        <Text size="xs" c="dimmed">
          <Time at={start} />
        </Text>
      </Table.Td>
      <Table.Td className={`numeric ${classes.stays}`}>
        {stays.map((stay) => (
          <div key={stay.start} title={explainEnd(stay)}>
            <Time at={stay.start} as={asOf(stay.start)} />
            {' – '}
            {stay.end === null ? <span className="live-text">inside</span> : <Time at={stay.end} as={asOf(stay.end)} />}
          </div>
        ))}
        <Folded>{formatDuration(seconds)}</Folded>
      </Table.Td>
      <Table.Td className={`numeric ${foldedColumn}`}>{formatDuration(seconds)}</Table.Td>
    </Table.Tr>
  )
}
