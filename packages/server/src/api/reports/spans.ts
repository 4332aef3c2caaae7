/** From `from` inclusive to `to` exclusive, in epoch milliseconds. */
export type Span = { from: number; to: number }

/** In order, those that overlap or touch as one. */
export function mergeSpans(spans: Span[]): Span[] {
  const merged: Span[] = []
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else merged.push({ ...span })
  }
  return merged
}
