import { Group, SegmentedControl, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import { isPerson } from '@rollcall/client'
import type { Usage } from '@rollcall/protocol'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { Chart, type Series } from '../chart.tsx'
import { atLocal, formatNumber, offsetAt, zone } from '../formats.ts'
import { calmMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { formatDuration } from '../time.tsx'
import { foldedColumn } from '../wide-table.tsx'
import classes from './overview.module.css'
import { overviewDays } from './search.ts'

const dayMs = 24 * 3600 * 1000
const busiestMax = 10
/** Most live sessions whose people are counted. */
const liveMax = 1000

export function OverviewPage() {
  const { days = 30 } = useSearch({ from: '/overview' })
  const navigate = useNavigate({ from: '/overview' })
  const { rollcall } = useSignedIn()
  const daily = useLive(
    ['usage', 'day', days],
    () => rollcall.usage({ ...lastDays(days), groupBy: 'day', tz: zone }),
    calmMs,
  )
  const rooms = useLive(['usage', 'room', days], () => rollcall.usage({ ...lastDays(days), groupBy: 'room' }), calmMs)
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Overview
        </Title>
        <SegmentedControl
          aria-label="How far back"
          value={String(days)}
          onChange={(value) => navigate({ search: { days: Number(value) as typeof days }, replace: true })}
          data={overviewDays.map((one) => ({ value: String(one), label: `${one} days` }))}
        />
      </Group>
      {daily.error !== null && <Failure error={daily.error} retry={daily.refetch} />}
      <Tiles usage={daily.data} />
      {daily.data === undefined ? <Loading /> : <Days usage={daily.data} />}
      {rooms.data !== undefined && <Busiest usage={rooms.data} />}
    </Stack>
  )
}

/** Whole days of the chosen time zone, up to and with today. */
function lastDays(days: number): { from: number; to: number } {
  const now = Date.now()
  const tomorrow = (Math.floor((now + offsetAt(now)) / dayMs) + 1) * dayMs
  return { from: atLocal(tomorrow - days * dayMs), to: atLocal(tomorrow) }
}

function Tiles({ usage }: { usage: Usage | undefined }) {
  const { rollcall } = useSignedIn()
  const { data } = useLive(
    ['live'],
    () => rollcall.sessions.list({ status: 'ongoing', perPage: liveMax }).page(),
    () => true,
  )
  const inside = data?.data
    .flatMap(({ participants }) => participants)
    .filter(({ kind, timelog }) => isPerson(kind) && timelog.some(({ end }) => end === null)).length
  const isMore =
    data?.data.some(({ participantsTruncated }) => participantsTruncated) || (data?.pageInfo.total ?? 0) > liveMax
  const { total } = usage ?? {}
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      <Tile name="Inside now" isLive>
        {inside !== undefined && formatNumber(inside)}
        {isMore && '+'}
      </Tile>
      <Tile name="Live sessions" isLive>
        {data?.pageInfo.total !== undefined && formatNumber(data?.pageInfo.total)}
      </Tile>
      <Tile name="Sessions">{total?.sessions !== undefined && formatNumber(total?.sessions)}</Tile>
      <Tile name="Different people">
        {total?.uniqueParticipants !== undefined && formatNumber(total?.uniqueParticipants)}
      </Tile>
      <Tile name="Time inside">{total && formatDuration(total.participantMinutes * 60)}</Tile>
      <Tile name="At one moment">{total?.peakConcurrency !== undefined && formatNumber(total?.peakConcurrency)}</Tile>
    </SimpleGrid>
  )
}

function Tile({ name, isLive = false, children }: { name: string; isLive?: boolean; children: ReactNode }) {
  return (
    <div className={`card ${classes.tile}`}>
      <Group gap={6} wrap="nowrap">
        {isLive && <span className="live-dot" />}
        <Text size="sm" c="dimmed">
          {name}
        </Text>
      </Group>
      <Text fw={650} fz={26} lh={1.3} className="numeric">
        {children ?? '–'}
      </Text>
    </div>
  )
}

function Days({ usage }: { usage: Usage }) {
  const { data, total } = usage
  const times = useMemo(() => data.map(({ start = '' }) => Date.parse(start) + dayMs / 2), [data])
  const charts = useMemo((): (Series & { said: string; unit: string })[] => {
    return [
      {
        label: 'Sessions per day',
        values: data.map(({ sessions }) => sessions),
        color: 'bar',
        kind: 'bars',
        unit: '',
        said: `${formatNumber(total.sessions)} in all`,
      },
      {
        label: 'Hours inside per day',
        values: data.map(({ participantMinutes }) => participantMinutes / 60),
        color: 'live',
        kind: 'bars',
        unit: ' h',
        said: `${formatDuration(total.participantMinutes * 60)} in all`,
      },
      {
        label: 'Most people at one moment',
        values: data.map(({ peakConcurrency }) => peakConcurrency),
        color: 'bar-inferred',
        kind: 'bars',
        unit: '',
        said: `at most ${formatNumber(total.peakConcurrency)}`,
      },
    ]
  }, [data, total])
  if (total.sessions === 0) return <Empty title="Nothing took place in these days" />
  return (
    <SimpleGrid cols={{ base: 1, md: 3 }} spacing="sm">
      {charts.map(({ said, unit, ...series }) => (
        <DayChart key={series.label} times={times} series={series} said={said} unit={unit} />
      ))}
    </SimpleGrid>
  )
}

function DayChart({ times, series, said, unit }: { times: number[]; series: Series; said: string; unit: string }) {
  const shown = useMemo(() => [series], [series])
  return (
    <section className={`card ${classes.chart}`}>
      <Title order={2} size="h5">
        {series.label}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {said}
      </Text>
      <Chart times={times} series={shown} unit={unit} summary={`${series.label}: ${said}`} />
    </section>
  )
}

function Busiest({ usage }: { usage: Usage }) {
  const rooms = usage.data.slice(0, busiestMax)
  const most = rooms[0]?.participantMinutes ?? 1
  if (rooms.length === 0) return null
  return (
    <section aria-labelledby="busiest">
      <Title order={2} size="h4" mb="xs" id="busiest">
        Busiest rooms
      </Title>
      <div className="card" style={{ overflow: 'hidden' }}>
        <Table verticalSpacing="xs" horizontalSpacing="md" aria-labelledby="busiest">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Room</Table.Th>
              <Table.Th>Sessions</Table.Th>
              <Table.Th className={foldedColumn}>People</Table.Th>
              <Table.Th className={classes.time ?? ''}>Time inside</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rooms.map(({ roomId = '', customRoomId, sessions, uniqueParticipants, participantMinutes }) => (
              <Table.Tr key={roomId}>
                <Table.Td className={classes.name}>
                  <Link to="/" search={{ room: roomId }}>
                    {customRoomId ?? roomId}
                  </Link>
                </Table.Td>
                <Table.Td className="numeric">{formatNumber(sessions)}</Table.Td>
                <Table.Td className={`numeric ${foldedColumn}`}>{formatNumber(uniqueParticipants)}</Table.Td>
                <Table.Td className="numeric">
                  {formatDuration(participantMinutes * 60)}
                  <div className={classes.share} style={{ width: `${(participantMinutes / most) * 100}%` }} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </section>
  )
}
