import { Group, Text, Title } from '@mantine/core'
import type { Person } from '@rollcall/client'
import { Link, useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import { BackLink } from '../back-link.tsx'
import { Chart, type Series } from '../chart.tsx'
import { Fact, Facts } from '../facts.tsx'
import { dateFormat, formatNumber, zone } from '../formats.ts'
import { Found } from '../found.tsx'
import { calmMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Missing } from '../states.tsx'
import { formatDuration, Time } from '../time.tsx'
import { Days } from './days.tsx'
import { Identity } from './identity.tsx'
import classes from './person.module.css'
import { PersonSessions } from './sessions.tsx'

/** One person: their hours, over all sessions. */
export function PersonPage() {
  const { personId } = useParams({ from: '/people/$personId' })
  const { rollcall } = useSignedIn()
  const result = useLive(['person', personId, zone], () => rollcall.people.get(personId, { tz: zone }), calmMs)
  const missing = (
    <Missing what="person">
      <Link to="/people">All people</Link>
    </Missing>
  )
  return (
    <Found result={result} missing={missing}>
      {(person) => (
        <>
          <Head person={person} refetch={result.refetch} />
          <PersonFacts person={person} />
          {person.time.length > 0 && (
            <>
              <Weeks person={person} />
              <Days time={person.time} />
            </>
          )}
          <PersonSessions person={person} />
        </>
      )}
    </Found>
  )
}

function Head({ person, refetch }: { person: Person; refetch: () => void }) {
  const { id, name, names } = person
  return (
    <div>
      <BackLink to="/people">All people</BackLink>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div>
          <Title order={1} size="h2" className={classes.anywhere ?? ''}>
            {name || id}
          </Title>
          <Text c="dimmed" size="sm" className={classes.anywhere ?? ''}>
            {id}
            {names.length > 1 && ` · also ${names.filter((one) => one !== name).join(', ')}`}
          </Text>
        </div>
        <Identity person={person} onChanged={refetch} />
      </Group>
    </div>
  )
}

function PersonFacts({ person }: { person: Person }) {
  return (
    <Facts>
      {person.inside && (
        <Fact name="Now">
          <Group gap={8} className="live-text">
            <span className="live-dot" />
            Inside
          </Group>
        </Fact>
      )}
      <Fact name="Time inside">{formatDuration(person.totalSeconds)}</Fact>
      <Fact name="Sessions">{formatNumber(person.sessions)}</Fact>
      <Fact name="Rooms">{formatNumber(person.rooms)}</Fact>
      {person.firstSeen !== null && (
        <Fact name="First seen">
          <Time at={person.firstSeen} />
        </Fact>
      )}
      <Fact name="Last seen">
        <Time at={person.lastSeen} />
      </Fact>
    </Facts>
  )
}

const weekMs = 7 * 86_400_000
/** A week is told by its Monday; days have no zone. */
const weekStart = dateFormat({ day: 'numeric', month: 'numeric' }, 'UTC')
const formatWeek = (middle: number) => weekStart.format(middle - weekMs / 2)
/** Weeks that the chart has room for. */
const weeksMax = 52

/** Hours by week, from Monday; weeks without any are there too. */
function Weeks({ person: { time } }: { person: Person }) {
  const { times, series } = useMemo(() => {
    const hours = new Map<number, number>()
    for (const { start, seconds } of time) {
      const day = Date.parse(start)
      const monday = day - ((new Date(day).getUTCDay() + 6) % 7) * 86_400_000
      hours.set(monday, (hours.get(monday) ?? 0) + seconds / 3600)
    }
    const last = Math.max(...hours.keys())
    const first = Math.max(Math.min(...hours.keys()), last - (weeksMax - 1) * weekMs)
    const weeks = Array.from({ length: (last - first) / weekMs + 1 }, (_, i) => first + i * weekMs)
    const values = weeks.map((week) => hours.get(week) ?? 0)
    const series: Series[] = [{ label: 'Hours by week', values, color: 'live', kind: 'bars' }]
    return { times: weeks.map((week) => week + weekMs / 2), series }
  }, [time])
  const most = Math.max(...(series[0]?.values.map((value) => value ?? 0) ?? [0]))
  const said = `at most ${formatDuration(most * 3600)} in a week`
  return (
    <section className={`card ${classes.chart}`}>
      <Title order={2} size="h5">
        Hours by week
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {said}
      </Text>
      <Chart times={times} series={series} unit=" h" label={formatWeek} summary={`Hours by week: ${said}`} />
    </section>
  )
}
