import { Badge, Group, Stack, Text, Title } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { DownloadButtons, toTables } from '../downloads.tsx'
import { formatNumber, isoDay } from '../formats.ts'
import { useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { given } from '../search.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { Filters } from './filters.tsx'
import { type SessionsSearch, sessionsPerPage, toFilters, toPath } from './search.ts'
import { SessionTable } from './table.tsx'

/** Most live sessions that are shown above the ended ones. */
const liveShownMax = 100

export function SessionsPage() {
  const search = useSearch({ from: '/' })
  const [failure, setFailure] = useState<Error>()
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Sessions
        </Title>
        <DownloadButtons
          downloads={toTables('These sessions', toPath(search), `sessions ${isoDay(Date.now())}`)}
          onFailure={setFailure}
        />
      </Group>
      {failure !== undefined && <Failure error={failure} />}
      <Filters search={search} />
      {search.status !== 'ended' && <LiveSessions search={search} />}
      {search.status !== 'ongoing' && <EndedSessions search={search} />}
    </Stack>
  )
}

function LiveSessions({ search }: { search: SessionsSearch }) {
  const { rollcall } = useSignedIn()
  const filters = { ...toFilters(search), status: 'ongoing' as const, perPage: liveShownMax }
  const { data, error, refetch } = useLive(
    ['sessions', filters],
    () => rollcall.sessions.list(filters).page(),
    () => true,
  )
  const isAlone = search.status === 'ongoing'
  if (error !== null && data === undefined) return <Failure error={error} retry={refetch} />
  if (data === undefined) return isAlone ? <Loading /> : null
  const { total } = data.pageInfo
  if (total === 0 && !isAlone) return null
  return (
    <section aria-labelledby="live">
      {error !== null && <Failure error={error} />}
      <Group gap="xs" mb="xs">
        <span className="live-dot" />
        <Title order={2} size="h4" id="live">
          Live now
        </Title>
        <Badge variant="default" size="lg" className="numeric">
          {total}
        </Badge>
      </Group>
      {total === 0 ? (
        <Empty title="Nothing runs at the moment" />
      ) : (
        <SessionTable sessions={data.data} at={search.at} labelledBy="live" />
      )}
      {total > data.data.length && (
        <Text c="dimmed" size="sm" mt="xs">
          The newest {data.data.length} of {total}: narrow the list by a room or a person.
        </Text>
      )}
    </section>
  )
}

function EndedSessions({ search }: { search: SessionsSearch }) {
  const { rollcall } = useSignedIn()
  const navigate = useNavigate({ from: '/' })
  const filters = { ...toFilters(search), status: 'ended' as const, perPage: sessionsPerPage }
  const page = search.page ?? 1
  const { data, error, refetch } = useLive(
    ['sessions', filters, page],
    () => rollcall.sessions.list(filters).page(page),
    ({ type }) => type === 'session.ended' || type === 'session.amended',
  )
  const isFiltered = Object.keys(search).some((name) => name !== 'page')
  if (error !== null && data === undefined) return <Failure error={error} retry={refetch} />
  if (data === undefined) return <Loading />
  const { total, currentPage, lastPage, totalCapped } = data.pageInfo
  const go = (to: number) =>
    navigate({ search: given({ ...search, page: to === 1 ? undefined : to }), resetScroll: true })
  return (
    <section aria-labelledby="ended">
      {error !== null && <Failure error={error} />}
      <Group gap="xs" mb="xs">
        <Title order={2} size="h4" id="ended">
          Ended
        </Title>
        <Badge variant="default" size="lg" className="numeric">
          {formatNumber(total)}
          {totalCapped && '+'}
        </Badge>
      </Group>
      {data.data.length === 0 ? (
        <Nothing isFiltered={isFiltered} isPastEnd={total > 0} />
      ) : (
        <SessionTable sessions={data.data} at={search.at} labelledBy="ended" />
      )}
      <Pages page={currentPage} lastPage={lastPage} onPage={go} />
    </section>
  )
}

function Nothing({ isFiltered, isPastEnd }: { isFiltered: boolean; isPastEnd: boolean }) {
  if (isPastEnd) return <Empty title="This page is past the end">Go back to the first one.</Empty>
  if (isFiltered) return <Empty title="No session meets these filters">Clear one of them to see more.</Empty>
  return (
    <Empty title="No session has ended yet">
      A session is recorded when somebody joins a hosted room, or when your media server reports one. Make a room under
      Rooms, open its link, and see yourself appear here.
    </Empty>
  )
}
