import { Button, Checkbox, Group, Menu, Stack, Text, TextInput, Title } from '@mantine/core'
import { type CoursePerson, RollcallError, type Schedule } from '@rollcall/client'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { formatWallClock, listSeparator, zone } from '../formats.ts'
import { calmMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { usePrinting } from '../printing.ts'
import { saveAnswer } from '../save-file.ts'
import { Editor } from '../schedules/editor.tsx'
import { explainRule } from '../schedules/recurs.ts'
import { given } from '../search.ts'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { useSorting } from '../sorting.tsx'
import { Empty, Failure, Loading, Missing } from '../states.tsx'
import { courseKeys, Grid, Legend, Totals } from './grid.tsx'
import classes from './schedule.module.css'
import type { ScheduleSearch } from './search.ts'

const path = '/schedules/$scheduleId'
/** People on a page of the grid. */
const perPage = 100
const nobody: CoursePerson[] = []

/** Who was there when a schedule has it: persons × occurrences. */
export function SchedulePage() {
  const { scheduleId } = useParams({ from: path })
  const { from, to, people, page = 1 } = useSearch({ from: path })
  const navigate = useNavigate({ from: path })
  const { rollcall } = useSignedIn()
  const about = useLive(['schedule', scheduleId], () => rollcall.schedules.get(scheduleId), calmMs)
  const asked = given({ from, to, people })
  const { data, error, refetch } = useLive(
    ['schedule', scheduleId, 'attendance', from, to, people],
    () => rollcall.schedules.attendance(scheduleId, { ...asked, tz: zone }),
    calmMs,
  )
  const rows = data?.people ?? nobody
  const isPrinting = usePrinting()
  const sorting = useSorting(rows, courseKeys)
  const isGone = about.error instanceof RollcallError && about.error.code === 'SCHEDULE_NOT_FOUND'
  if (isGone) {
    return (
      <Missing what="schedule">
        <Link to="/schedules">All schedules</Link>
      </Missing>
    )
  }
  const lastPage = Math.max(1, Math.ceil(rows.length / perPage))
  const at = Math.min(page, lastPage)
  const shown = isPrinting ? sorting.sorted : sorting.sorted.slice((at - 1) * perPage, at * perPage)
  return (
    <Stack gap="lg">
      {about.data !== undefined && <About schedule={about.data} search={asked} onChanged={() => about.refetch()} />}
      <Filters key={`${from} ${to}`} search={{ ...asked }} onSearch={(search) => navigate({ search })} />
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : data.occurrences.length === 0 ? (
        <Empty title="No occurrence then">Occurrences are shown from when they begin.</Empty>
      ) : rows.length === 0 ? (
        <Empty title="Nobody is expected, and nobody came">Say who is expected: edit the schedule.</Empty>
      ) : (
        <div>
          <Totals occurrences={data.occurrences} />
          <Legend />
          <Grid attendance={data} people={shown} sorting={sorting} />
        </div>
      )}
      {!isPrinting && (
        <Pages
          page={at}
          lastPage={lastPage}
          onPage={(next) => navigate({ search: given({ ...asked, page: next === 1 ? undefined : next }) })}
        />
      )}
    </Stack>
  )
}

/** By its own name, where it has one. */
function RoomLink({ roomId }: { roomId: string }) {
  const { rollcall } = useSignedIn()
  const { data } = useLive(['room', roomId], () => rollcall.rooms.get(roomId), calmMs)
  return (
    <Link to="/" search={{ room: roomId }}>
      <bdi>{data?.customRoomId ?? roomId}</bdi>
    </Link>
  )
}

function About({ schedule, search, onChanged }: { schedule: Schedule; search: ScheduleSearch; onChanged: () => void }) {
  const may = useMay()
  const { rollcall } = useSignedIn()
  const navigate = useNavigate({ from: path })
  const [edits, setEdits] = useState(false)
  const { id, name, start, timeZone, durationMinutes, rrule, graceMinutes, expected, roomIds } = schedule
  return (
    <Group justify="space-between" align="flex-start">
      <div className={classes.about}>
        <Title order={1} size="h2">
          {name}
        </Title>
        <Text c="dimmed" size="sm">
          {explainRule(rrule)} from <bdi>{formatWallClock(start)}</bdi> ({timeZone}), {durationMinutes} min,{' '}
          {graceMinutes} min grace, {expected} expected, in{' '}
          {roomIds.map((roomId, n) => (
            <span key={roomId}>
              {n > 0 && ', '}
              <RoomLink roomId={roomId} />
            </span>
          ))}
        </Text>
      </div>
      <Group gap="xs" className="no-print">
        <Download schedule={schedule} search={search} />
        <Button variant="default" onClick={() => window.print()}>
          Print
        </Button>
        {may.administer && (
          <>
            <Button variant="default" onClick={() => setEdits(true)}>
              Edit
            </Button>
            <ConfirmButton
              label="Delete"
              question="The schedule and who is expected are gone. What was recorded stays."
              run={async () => {
                await rollcall.schedules.delete(id)
                await navigate({ to: '/schedules' })
              }}
            />
          </>
        )}
      </Group>
      {edits && (
        <Editor
          title="Edit the schedule"
          schedule={schedule}
          save={async (changed) => {
            await rollcall.schedules.replace(id, changed)
            onChanged()
          }}
          close={() => setEdits(false)}
        />
      )}
    </Group>
  )
}

function Download({ schedule: { id, name }, search }: { schedule: Schedule; search: ScheduleSearch }) {
  const { from, to, people } = search
  const [failure, setFailure] = useState<Error>()
  const query = new URLSearchParams(given({ from, to, people, tz: zone }) as { [name: string]: string })
  const save = (format: 'csv' | 'xlsx') =>
    saveAnswer(
      `/v2/schedules/${id}/attendance?${query}&format=${format}&bom=true&separator=${listSeparator}`,
      `${name} attendance.${format}`,
    ).catch(setFailure)
  return (
    <>
      {failure !== undefined && <Failure error={failure} />}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default">Download</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => save('xlsx')}>The grid, as XLSX</Menu.Item>
          <Menu.Item onClick={() => save('csv')}>The grid, as CSV</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}

function Filters({ search, onSearch }: { search: ScheduleSearch; onSearch: (search: ScheduleSearch) => void }) {
  const change = (more: { [name in keyof ScheduleSearch]: ScheduleSearch[name] | undefined }) =>
    onSearch(given({ ...search, ...more }) as ScheduleSearch)
  return (
    <Group align="flex-end" className="no-print">
      {(['from', 'to'] as const).map((name) => (
        <TextInput
          key={name}
          type="date"
          label={name === 'from' ? 'From' : 'To'}
          defaultValue={search[name]}
          onChange={(event) => change({ [name]: event.currentTarget.value || undefined })}
        />
      ))}
      <Checkbox
        mb={8}
        label="Only who is expected"
        checked={search.people === 'expected'}
        onChange={(event) => change({ people: event.currentTarget.checked ? 'expected' : undefined })}
      />
    </Group>
  )
}
