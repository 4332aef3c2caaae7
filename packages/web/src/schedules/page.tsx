import { Button, FileButton, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import type { ImportedSchedules, ListedSchedule } from '@rollcall/client'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { formatWallClock } from '../formats.ts'
import { calmMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { saveAnswer } from '../save-file.ts'
import { given } from '../search.ts'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { foldedColumn, WideTable } from '../wide-table.tsx'
import { Editor } from './editor.tsx'
import { explainRule } from './recurs.ts'
import classes from './schedules.module.css'
import { schedulesPerPage } from './search.ts'

/** When rooms should be used, and by whom. */
export function SchedulesPage() {
  const { room, page = 1 } = useSearch({ from: '/schedules' })
  const navigate = useNavigate({ from: '/schedules' })
  const may = useMay()
  const { rollcall } = useSignedIn()
  const [isNew, setNew] = useState(false)
  const { data, error, refetch } = useLive(
    ['schedules', room, page],
    () => rollcall.schedules.list({ perPage: schedulesPerPage, ...given({ roomId: room }) }).page(page),
    calmMs,
  )
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Schedules
        </Title>
        <Group gap="xs">
          {may.administer && <Calendars room={room} onImported={() => refetch()} />}
          {may.administer && <Button onClick={() => setNew(true)}>Add a schedule</Button>}
        </Group>
      </Group>
      {isNew && (
        <Editor
          title="Add a schedule"
          roomId={room}
          save={async (schedule) => {
            const { id } = await rollcall.schedules.create(schedule)
            await navigate({ to: '/schedules/$scheduleId', params: { scheduleId: id } })
          }}
          close={() => setNew(false)}
        />
      )}
      <TextInput
        label="Room"
        placeholder="Room id or your own name for it"
        maw={360}
        defaultValue={room}
        key={room ?? ''}
        onBlur={(event) => navigate({ search: given({ room: event.currentTarget.value.trim() || undefined }) })}
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      />
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : data.data.length === 0 ? (
        <Empty title={room === undefined ? 'Nothing is scheduled yet' : 'Nothing is scheduled in this room'}>
          Say when a room should be used and who is expected, and see who was there, who was late and who was not.
        </Empty>
      ) : (
        <ScheduleTable schedules={data.data} />
      )}
      {data !== undefined && (
        <Pages
          page={page}
          lastPage={data.pageInfo.lastPage}
          onPage={(to) => navigate({ search: given({ room, page: to === 1 ? undefined : to }) })}
        />
      )}
    </Stack>
  )
}

function ScheduleTable({ schedules }: { schedules: ListedSchedule[] }) {
  return (
    <WideTable label="Schedules">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Schedule</Table.Th>
          <Table.Th>First begins</Table.Th>
          <Table.Th className={foldedColumn}>Takes place</Table.Th>
          <Table.Th className={foldedColumn}>Expected</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {schedules.map(({ id, name, start, timeZone, durationMinutes, rrule, expected }) => (
          <Table.Tr key={id}>
            <Table.Td className={classes.name}>
              <Link to="/schedules/$scheduleId" params={{ scheduleId: id }}>
                {name}
              </Link>
            </Table.Td>
            <Table.Td>
              <Text size="sm" className="numeric" dir="auto">
                {formatWallClock(start)}
              </Text>
              <Text size="xs" c="dimmed">
                {timeZone}, {durationMinutes} min
              </Text>
            </Table.Td>
            <Table.Td className={foldedColumn}>
              <Text size="sm">{explainRule(rrule)}</Text>
            </Table.Td>
            <Table.Td className={`numeric ${foldedColumn}`}>{expected}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </WideTable>
  )
}

/** Schedules from a calendar's file, and as one. */
function Calendars({ room, onImported }: { room: string | undefined; onImported: () => void }) {
  const { rollcall } = useSignedIn()
  const [imported, setImported] = useState<ImportedSchedules | Error>()
  const take = async (file: File | null) => {
    if (file === null) return
    try {
      setImported(await rollcall.schedules.importCalendar(await file.text(), given({ roomId: room })))
      onImported()
    } catch (error) {
      setImported(error as Error)
    }
  }
  const query = room === undefined ? '' : `?roomId=${encodeURIComponent(room)}`
  return (
    <>
      <FileButton onChange={take} accept="text/calendar,.ics">
        {(props) => (
          <Button variant="default" {...props}>
            Import .ics
          </Button>
        )}
      </FileButton>
      <Button
        variant="default"
        onClick={() => saveAnswer(`/v2/schedules.ics${query}`, 'schedules.ics').catch(setImported)}
      >
        Export .ics
      </Button>
      {imported instanceof Error && <Failure error={imported} />}
      {imported !== undefined && !(imported instanceof Error) && (
        <Text size="sm" role="status" className={classes.imported}>
          {imported.data.length} taken
          {imported.left.map(({ uid, name, reason }) => (
            <span key={uid}>
              ; {name || uid} left: {reason}
            </span>
          ))}
        </Text>
      )}
    </>
  )
}
