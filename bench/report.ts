export type Figure = {
  what: string
  value: number
  /** Default: per second. */
  unit?: 'µs' | 'ms' | 's' | 'MB'
  /** What it is held against: the same, measured in turn with it. */
  beside?: { what: string; value: number }
  /** What it should be: of the ratio where something stands beside it, else of the figure. */
  target?: string
}

/** A Markdown table, ready for RESULTS.md. */
export function printFigures(title: string, figures: Figure[]): void {
  console.log(`### ${title}\n`)
  console.log('| what | figure | beside | figure | ratio | target |')
  console.log('|---|---:|---|---:|---:|---:|')
  for (const { what, value, unit, beside, target } of figures) {
    const cells = [
      what,
      toText(value, unit),
      beside?.what ?? '',
      beside ? toText(beside.value, unit) : '',
      beside ? (value / beside.value).toFixed(2) : '',
      target ?? '',
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  console.log()
}

export function median(values: number[]): number {
  return quantile(values, 0.5)
}

/** The value that a share of them, 0 to 1, does not exceed. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function toText(value: number, unit: Figure['unit']): string {
  if (unit === undefined) return `${Math.round(value).toLocaleString('en')}/s`
  const digits = unit !== 'MB' && unit !== 'µs' && value < 10 ? 2 : 0
  return `${value.toFixed(digits)} ${unit}`
}
