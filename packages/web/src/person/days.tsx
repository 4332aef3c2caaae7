import { Text, Title, Tooltip } from '@mantine/core'
import type { Person } from '@rollcall/client'
import { useMemo } from 'react'
import { dateFormat } from '../formats.ts'
import { formatDuration } from '../time.tsx'
import classes from './person.module.css'

const dayMs = 86_400_000
const weeks = 26
/** Days are told by their date, which has no zone. */
const day = dateFormat({ dateStyle: 'full' }, 'UTC')
const month = dateFormat({ month: 'short' }, 'UTC')

/** A square for each day of half a year, a column a week: the fuller, the longer they were inside. */
export function Days({ time }: { time: Person['time'] }) {
  const { columns, most } = useMemo(() => {
    const seconds = new Map(time.map((one) => [one.start, one.seconds]))
    const latest = Date.parse(time.at(-1)?.start ?? new Date().toISOString().slice(0, 10))
    const monday = latest - ((new Date(latest).getUTCDay() + 6) % 7) * dayMs
    const columns = Array.from({ length: weeks }, (_, w) =>
      Array.from({ length: 7 }, (_, d) => {
        const at = monday - (weeks - 1 - w) * 7 * dayMs + d * dayMs
        return { at, seconds: seconds.get(new Date(at).toISOString().slice(0, 10)) ?? 0 }
      }),
    )
    return { columns, most: Math.max(1, ...columns.flat().map((one) => one.seconds)) }
  }, [time])
  const days = columns.flat().filter(({ seconds }) => seconds > 0).length
  return (
    <section className={`card ${classes.chart}`} aria-labelledby="days">
      <Title order={2} size="h5" id="days">
        Day by day
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {days === 1 ? 'one day' : `${days} days`} of half a year
      </Text>
      <div className={classes.calendar}>
        {columns.map((column) => (
          <div key={column[0]?.at} className={classes.week}>
            <Text size="xs" c="dimmed" className={classes.month ?? ''} aria-hidden>
              {column.some(({ at }) => new Date(at).getUTCDate() === 1) && month.format(column[6]?.at)}
            </Text>
            {column.map(({ at, seconds }) => {
              const said = `${day.format(at)}: ${seconds === 0 ? 'nothing' : formatDuration(seconds)}`
              return (
                <Tooltip key={at} label={said}>
                  <div
                    role="img"
                    aria-label={said}
                    className={classes.day}
                    style={{ '--full': seconds === 0 ? '0%' : `${25 + 75 * (seconds / most)}%` } as never}
                  />
                </Tooltip>
              )
            })}
          </div>
        ))}
      </div>
    </section>
  )
}
