import { Tooltip } from '@mantine/core'
import type { Participant } from '@rollcall/client'
import { formatDuration, spanOf } from '../time.tsx'
import type { View } from './stays.ts'
import classes from './timeline.module.css'

/** What somebody may publish, in the order of its lines under their bar. */
export const mediaNames = { camera: 'Camera', microphone: 'Microphone', screen: 'Screen' } as const

/** Under a person's bar, a line for each time that they had something on. */
export function MediaLines({
  person: { media = {} },
  view: { from, to },
  now,
}: {
  person: Participant
  view: View
  now: number
}) {
  return Object.entries(mediaNames).flatMap(([kind, name]) =>
    (media[kind as keyof typeof mediaNames] ?? []).map((span) => {
      const start = Date.parse(span.start)
      const end = span.end === null ? now : Date.parse(span.end)
      if (end < from || start > to) return null
      const left = ((Math.max(start, from) - from) / (to - from)) * 100
      const right = ((Math.min(end, to) - from) / (to - from)) * 100
      const said = `${name} on: ${spanOf(start, span.end === null ? null : end)}, ${formatDuration((end - start) / 1000)}`
      return (
        <Tooltip key={`${kind} ${span.start}`} label={said}>
          <div
            role="img"
            aria-label={said}
            className={classes.media}
            data-kind={kind}
            style={{ left: `${left}%`, width: `${Math.max(0, right - left)}%` }}
          />
        </Tooltip>
      )
    }),
  )
}
