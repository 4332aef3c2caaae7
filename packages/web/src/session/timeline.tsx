import { Button, Group, Text, Tooltip } from '@mantine/core'
import { useElementSize, useMediaQuery } from '@mantine/hooks'
import type { Participant, Session } from '@rollcall/client'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, memo, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react'
import { Chart, type Series } from '../chart.tsx'
import { useNow } from '../live.ts'
import { clockOf, formatDuration } from '../time.tsx'
import { explainEnd } from './reasons.ts'
import { countInside, pan, ticksOf, type View, wholeOf, zoom } from './stays.ts'
import classes from './timeline.module.css'

const rowHeight = 30
/** Half of what is written at a moment: nearer to the edge it would be cut off. */
const tickHalfPx = 28
const zoomStep = 0.7
const panStep = 0.15

/** A bar for each time inside, a row for each person, and above them how many were inside. */
export function Timeline({ session }: { session: Session }) {
  const { participants } = session
  const isLive = session.end === null
  const now = useNow(isLive ? 1000 : 60_000)
  const whole = wholeOf(session, now)
  const [chosen, setChosen] = useState<View>()
  const view = chosen ?? whole
  const scroller = useRef<HTMLDivElement>(null)
  const { ref: axis, width } = useElementSize()
  const isNarrow = useMediaQuery('(max-width: 640px)') ?? false
  const rows = useVirtualizer({
    count: participants.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  })

  // Each step begins where the one before it ended, also where several come before the next drawing.
  const change = (step: (view: View) => View) =>
    setChosen((before) => {
      const next = step(before ?? whole)
      return next.from <= whole.from && next.to >= whole.to ? undefined : next
    })
  const zoomBy = (factor: number, part = 0.5) =>
    change((view) => zoom(view, whole, factor, view.from + part * (view.to - view.from)))
  const panBy = (part: number) => change((view) => pan(view, whole, part * (view.to - view.from)))
  const drag = useDrag(width, panBy)
  useWheelZoom(scroller, width, zoomBy)

  const actionOf = (key: string): (() => void) | undefined => {
    if (key === 'ArrowLeft') return () => panBy(-panStep)
    if (key === 'ArrowRight') return () => panBy(panStep)
    if (key === '+' || key === '=') return () => zoomBy(zoomStep)
    if (key === '-') return () => zoomBy(1 / zoomStep)
    return key === '0' ? () => setChosen(undefined) : undefined
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey) return
    const run = actionOf(event.key)
    if (run === undefined) return
    event.preventDefault()
    run()
  }

  return (
    <div className={`card ${classes.timeline}`}>
      <div className={classes.tools}>
        <Text size="sm" c="dimmed" flex={1} className="numeric">
          {clockOf(view.from)} – {clockOf(view.to)} · {formatDuration((view.to - view.from) / 1000)}
        </Text>
        <Group gap={6}>
          <Button size="compact-sm" variant="default" onClick={() => zoomBy(zoomStep)} aria-label="Zoom in">
            +
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => zoomBy(1 / zoomStep)} aria-label="Zoom out">
            −
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => setChosen(undefined)}
            disabled={chosen === undefined}
          >
            Whole session
          </Button>
        </Group>
      </div>
      <Concurrency
        participants={participants}
        now={isLive ? now : 0}
        view={view}
        gutter={isNarrow ? 40 : 48}
        most={session.maxJoinedPeersCount}
      />
      <div ref={axis} className={`numeric ${classes.axis}`} aria-hidden="true">
        {ticksOf(view, Math.max(2, width / 90))
          .filter((at) => (view.to - at) * width > (view.to - view.from) * tickHalfPx)
          .map((at) => (
            <span
              key={at}
              className={classes.tick}
              style={{ left: `${((at - view.from) / (view.to - view.from)) * 100}%` }}
            >
              {labelOf(at, view)}
            </span>
          ))}
      </div>
      <section
        ref={scroller}
        className={classes.rows}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it by keys
        tabIndex={0}
        aria-label="Timeline: arrow keys move it in time, plus and minus zoom, 0 shows all"
        onKeyDown={onKeyDown}
        {...drag}
      >
        <ul className={classes.people} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const person = participants[index]
            if (person === undefined) return null
            const isInside = person.timelog.some(({ end }) => end === null)
            return (
              <Row
                key={person.participantId}
                person={person}
                top={start}
                from={view.from}
                to={view.to}
                now={isInside ? now : 0}
              />
            )
          })}
        </ul>
      </section>
      <Legend />
    </div>
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
  return (
    <li className={classes.row} style={{ top, height: rowHeight }}>
      <div className={classes.label} title={`${name} (${person.participantId})`}>
        {name}
      </div>
      <div className={classes.track} data-track>
        {person.timelog.map((entry) => {
          const start = Date.parse(entry.start)
          const end = entry.end === null ? now : Date.parse(entry.end)
          if (end < from || start > to) return null
          const left = ((Math.max(start, from) - from) / (to - from)) * 100
          const right = ((Math.min(end, to) - from) / (to - from)) * 100
          const said = `${clockOf(start)} – ${entry.end === null ? 'now' : clockOf(end)}, ${formatDuration((end - start) / 1000)}${toClause(explainEnd(entry))}`
          return (
            <Tooltip key={entry.start} label={said} multiline maw={320}>
              <div
                role="img"
                aria-label={said}
                className={classes.bar}
                data-open={entry.end === null || undefined}
                data-inferred={entry.inferred}
                style={{ left: `${left}%`, width: `${Math.max(0, right - left)}%` }}
              />
            </Tooltip>
          )
        })}
      </div>
    </li>
  )
})

function toClause(text: string): string {
  return text === '' ? '' : `; ${text}`
}

function Legend() {
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
    </div>
  )
}

const hourAndMinute = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' })

function labelOf(at: number, { from, to }: View): string {
  const length = to - from
  if (length < 5 * 60_000) return clockOf(at)
  return length > 3 * 86_400_000 ? day.format(at) : hourAndMinute.format(at)
}

/** Drags what is shown along with the pointer. */
function useDrag(width: number, panBy: (part: number) => void) {
  const last = useRef<number>(undefined)
  return {
    onPointerDown(event: PointerEvent) {
      if (event.button !== 0 || !(event.target as Element).closest('[data-track]')) return
      last.current = event.clientX
      event.currentTarget.setPointerCapture(event.pointerId)
    },
    onPointerMove(event: PointerEvent) {
      if (last.current === undefined) return
      panBy((last.current - event.clientX) / Math.max(1, width))
      last.current = event.clientX
    },
    onPointerUp() {
      last.current = undefined
    },
    onPointerCancel() {
      last.current = undefined
    },
  }
}

/** Zooms with the wheel where a modifier is held, as maps do: without one, the list scrolls. */
function useWheelZoom(
  scroller: React.RefObject<HTMLDivElement | null>,
  width: number,
  zoomAt: (factor: number, part: number) => void,
) {
  const latest = useRef(zoomAt)
  latest.current = zoomAt
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) return
      event.preventDefault()
      const right = element.getBoundingClientRect().right - 12
      const part = Math.min(1, Math.max(0, 1 - (right - event.clientX) / Math.max(1, width)))
      latest.current(event.deltaY < 0 ? zoomStep : 1 / zoomStep, part)
    }
    // React's own listeners cannot stop the page from zooming.
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [scroller, width])
}
