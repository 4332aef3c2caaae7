import type { AttendanceStatus, CourseOccurrence, CoursePerson, ScheduleAttendance } from '@rollcall/client'
import { Link } from '@tanstack/react-router'
import { dateFormat, formatNumber, zone } from '../formats.ts'
import { type Keys, SortButton, type Sorting, sortOf } from '../sorting.tsx'
import classes from './schedule.module.css'
import { minutes, wordsOf } from './verdict.ts'

const day = dateFormat({ day: 'numeric', month: 'short' })
const clock = dateFormat({ timeStyle: 'short' })
const whole = dateFormat({ dateStyle: 'full', timeStyle: 'short' })

type Verdict = CoursePerson['occurrences'][number]
const countHeads = { present: 'Present', late: 'Late', absent: 'Absent' }

/** More columns than these are printed as letters, so that a course fits the width of a page. */
const wordsPrintedMax = 8

type CourseSorting = Sorting<CoursePerson, 'person' | 'present' | 'late' | 'absent'>

export const courseKeys: Keys<CoursePerson, 'person' | 'present' | 'late' | 'absent'> = {
  person: ({ name, participantId }) => name || participantId,
  present: ({ presentOfScheduled }) => presentOfScheduled,
  late: ({ late }) => late,
  absent: ({ expected, absent }) => (expected ? absent : null),
}

type GridProps = { attendance: ScheduleAttendance; people: CoursePerson[]; sorting: CourseSorting }

/** Persons × occurrences: each cell in words, and the same in colour; as letters where many are printed. @param people those that are shown, in their order */
export function Grid({ attendance, people, sorting }: GridProps) {
  const { occurrences } = attendance
  const isBrief = occurrences.length > wordsPrintedMax
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a narrow window scrolls it by keys
    <section className={`card ${classes.scroll}`} tabIndex={0} aria-label="Who was there">
      <table className={`${classes.grid} ${isBrief ? classes.brief : ''}`}>
        <thead>
          <tr>
            <th scope="col" className={classes.person} aria-sort={sortOf({ by: 'person', sorting })}>
              <SortButton by="person" sorting={sorting}>
                Person
              </SortButton>
            </th>
            {(['present', 'late', 'absent'] as const).map((by) => (
              <th key={by} scope="col" aria-sort={sortOf({ by, sorting })}>
                <SortButton by={by} sorting={sorting}>
                  {countHeads[by]}
                </SortButton>
              </th>
            ))}
            {occurrences.map((occurrence) => (
              <Head key={occurrence.start} occurrence={occurrence} />
            ))}
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <Row key={`${person.expected} ${person.participantId}`} person={person} occurrences={occurrences} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Head({ occurrence: { start, sessionIds, present } }: { occurrence: CourseOccurrence }) {
  const at = Date.parse(start)
  const [sessionId] = sessionIds
  const text = (
    <>
      <span className={classes.day}>{day.format(at)}</span> <span className={classes.clock}>{clock.format(at)}</span>
    </>
  )
  return (
    <th scope="col" title={`${whole.format(at)}: ${present} of those expected`}>
      <time dateTime={start}>
        {sessionId === undefined ? (
          text
        ) : (
          <Link to="/sessions/$sessionId" params={{ sessionId }}>
            {text}
          </Link>
        )}
      </time>
    </th>
  )
}

function Row({ person, occurrences }: { person: CoursePerson; occurrences: CourseOccurrence[] }) {
  const { participantId, name, expected, presentOfScheduled, late, absent } = person
  return (
    <tr>
      <th scope="row" className={classes.person}>
        <Link to="/people/$personId" params={{ personId: participantId }}>
          <bdi>{name || participantId}</bdi>
        </Link>
        {!expected && <span className={classes.guest}> not expected</span>}
      </th>
      <td className="numeric">{presentOfScheduled === null ? '–' : `${formatNumber(presentOfScheduled)} %`}</td>
      <td className="numeric">{late}</td>
      <td className="numeric">{expected ? absent : ''}</td>
      {person.occurrences.map((verdict, n) => (
        <Cell key={occurrences[n]?.start ?? n} verdict={verdict} isExpected={expected} />
      ))}
    </tr>
  )
}

function Cell({ verdict, isExpected }: { verdict: Verdict; isExpected: boolean }) {
  const { status, presentOfScheduled, presentOfActual } = verdict
  if (status === 'expected' || (status === 'absent' && !isExpected)) return <td className={classes.none}>–</td>
  const shares = [
    presentOfScheduled !== null && `${formatNumber(presentOfScheduled)} % of the scheduled time`,
    presentOfActual !== null && `${formatNumber(presentOfActual)} % of the actual`,
  ]
  return (
    <td className={`${classes.cell} ${looks[status]}`} title={shares.filter(Boolean).join(', ')}>
      <span className={classes.words}>{wordsOf(verdict)}</span>
      <span className={classes.letters} aria-hidden="true">
        {lettersOf(verdict)}
      </span>
    </td>
  )
}

const looks: { [status in AttendanceStatus]: string | undefined } = {
  'on-time': classes.present,
  late: classes.late,
  'left-early': classes.early,
  'late-and-left-early': classes.late,
  absent: classes.absent,
  expected: undefined,
}

/** As the legend says. */
function lettersOf({ status, lateSeconds, leftEarlySeconds }: Verdict): string {
  const late = `L${minutes(lateSeconds)}`
  const early = `E${minutes(leftEarlySeconds)}`
  if (status === 'late') return late
  if (status === 'left-early') return early
  return status === 'late-and-left-early' ? `${late} ${early}` : status === 'absent' ? 'A' : '✓'
}

/** What the letters of a printed grid are. */
export function Legend() {
  return (
    <p className={classes.legend}>
      ✓ on time · L7 late by 7 minutes · E7 left 7 minutes early · A absent · – not begun, or not expected. Times are
      those of {zone}.
    </p>
  )
}

/** Of each occurrence how many came: a line below the table would be far from its head on a long page. */
export function Totals({ occurrences }: { occurrences: CourseOccurrence[] }) {
  const begun = occurrences.filter(({ present, absent }) => present + absent > 0)
  const present = begun.reduce((sum, occurrence) => sum + occurrence.present, 0)
  const all = begun.reduce((sum, occurrence) => sum + occurrence.present + occurrence.absent, 0)
  if (all === 0) return null
  return (
    <p className={classes.totals}>
      {formatNumber(Math.round((present / all) * 1000) / 10)} % of those expected came, over{' '}
      {formatNumber(begun.length)} occurrences.
    </p>
  )
}
