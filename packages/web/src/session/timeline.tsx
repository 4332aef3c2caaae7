import { Button, Group, Text, Tooltip } from '@mantine/core'
import { useElementSize, useMediaQuery } from '@mantine/hooks'
import { isPerson, type Participant, type Session } from '@rollcall/client'
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useMemo, useRef } from 'react'
import { Chart, type Series } from '../chart.tsx'
import { dateFormat } from '../formats.ts'
import { useNow } from '../live.ts'
import { clockOf, formatDuration, isOneDay, spanOf } from '../time.tsx'
import { MediaLines, mediaNames } from './media.tsx'
import { explainEnd } from './reasons.ts'
import { countInside, isOpen, ticksOf, type View, wholeOf } from './stays.ts'
import classes from './timeline.module.css'
import { onKey, useDrag, useViewing, useWheelZoom, type Viewing, zoomStep } from './viewing.ts'

const rowHeight = 30
/** Half of what is written at a moment: nearer to the edge it would be cut off. */
const tickHalfPx = 28

/** A bar for each time inside, a row for each person, and above them how many were inside. */
export function Timeline({ session }: { session: Session }) {
  const { participants } = session
  const isLive = session.end === null
  const now = useNow(isLive ? 1000 : 60_000)
  const viewing = useViewing(wholeOf(session, now))
  const { ref: axis, width } = useElementSize()
  const isNarrow = useMediaQuery('(max-width: 640px)') ?? false
  return (
    <div className={`card ${classes.timeline}`}>
      <Tools viewing={viewing} />
      <Concurrency
        participants={participants}
        now={isLive ? now : 0}
        view={viewing.view}
        gutter={isNarrow ? 40 : 48}
        most={session.maxJoinedPeersCount}
      />
      <div ref={axis} className={`numeric ${classes.axis}`} aria-hidden="true">
        <Ticks view={viewing.view} width={width} />
      </div>
      <People participants={participants} viewing={viewing} width={width} now={now} />
      <Legend
        withPrograms={participants.some(({ kind }) => !isPerson(kind))}
        withMedia={participants.some(({ media }) => media !== undefined)}
      />
    </div>
  )
}

function Tools({ viewing: { view, isWhole, zoomBy, showWhole } }: { viewing: Viewing }) {
  return (
    <div className={classes.tools}>
      <Text size="sm" c="dimmed" flex={1} className="numeric">
        {spanOf(view.from, view.to)} · <bdi>{formatDuration((view.to - view.from) / 1000)}</bdi>
      </Text>
      <Group gap={6}>
        <Button size="compact-sm" variant="default" onClick={() => zoomBy(zoomStep)} aria-label="Zoom in">
          +
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => zoomBy(1 / zoomStep)} aria-label="Zoom out">
          −
        </Button>
        <Button size="compact-sm" variant="default" onClick={showWhole} disabled={isWhole}>
          Whole session
        </Button>
      </Group>
    </div>
  )
}

/** @param width of the time, in pixels */
function Ticks({ view, width }: { view: View; width: number }) {
  return ticksOf(view, Math.max(2, width / 90))
    .filter((at) => (view.to - at) * width > (view.to - view.from) * tickHalfPx)
    .map((at) => (
      <span key={at} className={classes.tick} style={{ left: `${((at - view.from) / (view.to - view.from)) * 100}%` }}>
        {labelOf(at, view)}
      </span>
    ))
}

/** The rows, as many as are seen, which the pointer, the wheel and keys move in time. */
function People({
  participants,
  viewing,
  width,
  now,
}: {
  participants: Participant[]
  viewing: Viewing
  width: number
  now: number
}) {
  const { view, panBy, zoomBy } = viewing
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: participants.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  })
  const drag = useDrag(width, panBy)
  useWheelZoom(scroller, width, zoomBy)
  return (
    <section
      ref={scroller}
      className={classes.rows}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it by keys
      tabIndex={0}
      aria-label="Timeline: arrow keys move it in time, plus and minus zoom, 0 shows all"
      onKeyDown={(event) => onKey(event, viewing)}
      {...drag}
    >
      <ul className={classes.people} style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const person = participants[index]
          if (person === undefined) return null
          return (
            <Row
              key={person.participantId}
              person={person}
              top={start}
              from={view.from}
              to={view.to}
              now={isOpen(person.timelog) ? now : 0}
            />
          )
        })}
      </ul>
    </section>
  )
}

/** How many were inside, over the same time as the rows below. */
const Concurrency = memo(function Concurrency({
  participants,
  now,
  view,
  gutter,
  most,
}: {
  participants: Participant[]
  now: number
  view: View
  gutter: number
  most: number
}) {
  const { times, counts } = useMemo(() => countInside(participants, now), [participants, now])
  const series = useMemo((): Series[] => [{ label: 'Inside', values: counts, color: 'bar', kind: 'steps' }], [counts])
  return (
    <div className={classes.chart}>
      <Chart
        times={times}
        series={series}
        height={72}
        withTimes={false}
        range={view}
        gutter={gutter}
        summary={`People inside over time: at most ${most} at one moment`}
      />
    </div>
  )
})

const Row = memo(function Row({
  person,
  top,
  from,
  to,
  now,
}: {
  person: Participant
  top: number
  from: number
  to: number
  now: number
}) {
  const name = person.name || person.participantId
  const isProgram = !isPerson(person.kind)
  return (
    <li className={classes.row} style={{ top, height: rowHeight }}>
      <div className={classes.label} title={`${name} (${person.participantId}${isProgram ? `, ${person.kind}` : ''})`}>
        {name}
        {isProgram && <span className={classes.kind}> {person.kind}</span>}
      </div>
      <div className={classes.track} data-track>
        {person.timelog.map((entry) => {
          const start = Date.parse(entry.start)
          const end = entry.end === null ? now : Date.parse(entry.end)
          if (end < from || start > to) return null
          const left = ((Math.max(start, from) - from) / (to - from)) * 100
          const right = ((Math.min(end, to) - from) / (to - from)) * 100
          const said = `${spanOf(start, entry.end === null ? null : end)}, ${formatDuration((end - start) / 1000)}${toClause(explainEnd(entry))}`
          return (
            <Tooltip key={entry.start} label={said} multiline maw={320}>
              <div
                role="img"
                aria-label={said}
                className={classes.bar}
                data-open={entry.end === null || undefined}
                data-inferred={entry.inferred}
                data-program={isProgram || undefined}
                style={{ left: `${left}%`, width: `${Math.max(0, right - left)}%` }}
              />
            </Tooltip>
          )
        })}
        <MediaLines person={person} view={{ from, to }} now={now} />
      </div>
    </li>
  )
})

function toClause(text: string): string {
  return text === '' ? '' : `; ${text}`
}

function Legend({ withPrograms, withMedia }: { withPrograms: boolean; withMedia: boolean }) {
  return (
    <div className={classes.legend}>
      <span>
        <i className={`${classes.bar} ${classes.swatch}`} /> inside, and seen to leave
      </span>
      <span>
        <i className={`${classes.bar} ${classes.swatch}`} data-open /> inside now
      </span>
      <span>
        <i className={`${classes.bar} ${classes.swatch}`} data-inferred /> no leave was seen: the end is concluded
      </span>
      {withPrograms && (
        <span>
          <i className={`${classes.bar} ${classes.swatch}`} data-program /> a program, which counts as nobody
        </span>
      )}
      {withMedia &&
        Object.entries(mediaNames).map(([kind, name]) => (
          <span key={kind}>
            <i className={`${classes.media} ${classes.swatch} ${classes.line}`} data-kind={kind} /> {name.toLowerCase()}{' '}
            on
          </span>
        ))}
    </div>
  )
}

const hourAndMinute = dateFormat({ timeStyle: 'short' })
const day = dateFormat({ month: 'short', day: 'numeric' })

function labelOf(at: number, { from, to }: View): string {
  const length = to - from
  if (length < 5 * 60_000) return clockOf(at)
  // Of several days, the one that begins then.
  if (!isOneDay(from, to) && !isOneDay(at - 1, at)) return day.format(at)
  return length > 3 * 86_400_000 ? day.format(at) : hourAndMinute.format(at)
}
