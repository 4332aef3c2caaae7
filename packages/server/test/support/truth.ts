/** When something happened, as nearly as whoever saw it can say; in epoch milliseconds. */
export type Moment = { from: number; to: number }

/** One connection of somebody, by what their own client saw. */
export type TrueStay = { id: string; start: Moment; end: Moment }

/** One entry of a timelog. */
export type RecordedStay = { id: string; start: number; end: number | null; reason?: string; inferred?: boolean }

/** How a record differs from the truth. */
export type Differences = {
  /** In words, a line each: what is missing, what is too much, and each time further off than is allowed. */
  wrong: string[]
  /** How many stays the truth has. */
  stays: number
  /** The furthest that a start, and an end, lies outside the moment that the clients saw, in milliseconds. */
  startOffMs: number
  endOffMs: number
}

export function at(ms: number): Moment {
  return { from: ms, to: ms }
}

/** The same moment, as whoever learns of it this much later may have it, in milliseconds. */
export function grow({ from, to }: Moment, byMs: number): Moment {
  return { from, to: to + byMs }
}

/** Holds a record against the truth: each person's stays are paired in order of time. */
export function compareStays(recorded: RecordedStay[], truth: TrueStay[], toleranceMs = 1000): Differences {
  const found: Differences = { wrong: [], stays: truth.length, startOffMs: 0, endOffMs: 0 }
  const trueStays = Map.groupBy(truth, ({ id }) => id)
  const recordedStays = Map.groupBy(recorded, ({ id }) => id)
  for (const id of new Set([...trueStays.keys(), ...recordedStays.keys()])) {
    const right = (trueStays.get(id) ?? []).toSorted((a, b) => a.start.from - b.start.from)
    const got = (recordedStays.get(id) ?? []).toSorted((a, b) => a.start - b.start)
    if (right.length !== got.length) {
      const [rightText, gotText] = [right.map(describeTrue).join(', '), got.map(describeRecorded).join(', ')]
      found.wrong.push(
        `${id}: ${got.length} stays, not ${right.length}: recorded ${gotText || 'none'}; true ${rightText}`,
      )
      continue
    }
    for (const [n, { start, end }] of right.entries()) compareStay(found, got[n], { id, start, end }, toleranceMs)
  }
  return found
}

function compareStay(found: Differences, got: RecordedStay | undefined, right: TrueStay, toleranceMs: number): void {
  if (got === undefined) return
  const startOffMs = measureDistance(got.start, right.start)
  const endOffMs = got.end === null ? Number.POSITIVE_INFINITY : measureDistance(got.end, right.end)
  found.startOffMs = Math.max(found.startOffMs, startOffMs)
  found.endOffMs = Math.max(found.endOffMs, endOffMs)
  if (Math.max(startOffMs, endOffMs) <= toleranceMs) return
  found.wrong.push(`${right.id}: recorded ${describeRecorded(got)}; true ${describeTrue(right)}`)
}

function measureDistance(ms: number, { from, to }: Moment): number {
  return Math.max(from - ms, ms - to, 0)
}

function describeRecorded({ start, end, reason, inferred }: RecordedStay): string {
  const how = [reason, inferred === true ? 'inferred' : undefined].filter((word) => word !== undefined)
  return `${toText(start)}–${end === null ? 'still inside' : toText(end)} ${how.join(' ')}`.trim()
}

function describeTrue({ start, end }: TrueStay): string {
  return `${describeMoment(start)}–${describeMoment(end)}`
}

function describeMoment({ from, to }: Moment): string {
  return from === to ? toText(from) : `(${toText(from)} to ${toText(to)})`
}

function toText(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23)
}
