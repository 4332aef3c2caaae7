import { Anchor, Table, Text, Title } from '@mantine/core'
import type { Session } from '@rollcall/client'
import type { OccurrenceAttendance, OccurrenceRow } from '@rollcall/protocol'
import { Link } from '@tanstack/react-router'
import { serverUrl } from '../base.ts'
import { formatNumber } from '../formats.ts'
import { calmMs, useLive } from '../live.ts'
import { wordsOf } from '../schedule/verdict.ts'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Failure } from '../states.tsx'
import { isOneDay, Time } from '../time.tsx'
import { WideTable } from '../wide-table.tsx'
import classes from './session.module.css'

/** No occurrence is longer. */
const dayMs = 86_400_000
const keys: Keys<OccurrenceRow, 'person' | 'was' | 'present'> = {
  person: ({ name, participantId }) => name || participantId,
  was: wordsOf,
  present: ({ presentOfScheduled }) => presentOfScheduled,
}

/** Whether people were there when they should have been, by each schedule of the room that this session met; else nothing. */
export function Scheduled({ session }: { session: Session }) {
  const { id, roomId, start, end } = session
  const { data, error } = useLive(
    ['scheduled', id, end],
    async () => {
      const to = end === null ? Date.now() : Date.parse(end)
      const span = { from: new Date(Date.parse(start) - dayMs).toISOString(), to: new Date(to).toISOString() }
      const query = new URLSearchParams({ per: 'occurrence', roomId, ...span })
      const answer = await fetch(`${serverUrl}/v2/attendance?${query}`)
      if (!answer.ok) throw new Error(`What its schedules say was answered ${answer.status}`)
      const { data } = (await answer.json()) as OccurrenceAttendance
      return data.filter(({ occurrenceEnd }) => Date.parse(occurrenceEnd) > Date.parse(start))
    },
    calmMs,
  )
  if (error !== null) return <Failure error={error} />
  const occurrences = Map.groupBy(data ?? [], ({ scheduleId, occurrenceStart }) => `${scheduleId} ${occurrenceStart}`)
  return [...occurrences].map(([key, rows]) => <Occurrence key={key} rows={rows} />)
}

function Occurrence({ rows }: { rows: OccurrenceRow[] }) {
  const sorting = useSorting(rows, keys)
  const [first] = rows
  if (first === undefined) return null
  const present = rows.filter(({ expected, status }) => expected && status !== 'absent' && status !== 'expected').length
  const label = `Against the schedule ${first.schedule}`
  return (
    <section className={classes.scheduled} aria-label={label}>
      <Title order={2} size="h5">
        Against the schedule{' '}
        <Anchor inherit component={Link} to={`/schedules/${first.scheduleId}`}>
          {first.schedule}
        </Anchor>
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        <Time at={first.occurrenceStart} /> –{' '}
        <Time at={first.occurrenceEnd} as={isOneDay(first.occurrenceStart, first.occurrenceEnd) ? 'clock' : 'moment'} />
        , {formatNumber(present)} of {formatNumber(rows.filter(({ expected }) => expected).length)} expected were there
      </Text>
      <WideTable label={label} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <SortedHead by="person" sorting={sorting}>
              Person
            </SortedHead>
            <SortedHead by="was" sorting={sorting}>
              Was
            </SortedHead>
            <SortedHead by="present" sorting={sorting}>
              Of the scheduled time
            </SortedHead>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorting.sorted.map((row) => (
            <Table.Tr key={`${row.expected} ${row.participantId}`}>
              <Table.Td className={classes.anywhere ?? ''}>
                <Link className={classes.person} to="/people/$personId" params={{ personId: row.participantId }}>
                  {row.name || row.participantId}
                </Link>
                {!row.expected && (
                  <Text span size="xs" c="dimmed">
                    {' '}
                    not expected
                  </Text>
                )}
              </Table.Td>
              <Table.Td>{wordsOf(row)}</Table.Td>
              <Table.Td className="numeric">
                {row.presentOfScheduled === null ? '–' : `${formatNumber(Math.round(row.presentOfScheduled))} %`}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
    </section>
  )
}
