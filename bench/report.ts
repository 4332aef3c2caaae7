export type Figure = {
  what: string
  /** Per second. */
  rate: number
  /** What it is held against, and that one's rate. */
  beside?: { what: string; rate: number }
}

/** A Markdown table, ready for RESULTS.md. */
export function printFigures(title: string, figures: Figure[]): void {
  console.log(`### ${title}\n`)
  console.log('| what | per second | beside | per second | ratio |')
  console.log('|---|---:|---|---:|---:|')
  for (const { what, rate, beside } of figures) {
    const cells = [
      what,
      round(rate),
      beside?.what ?? '',
      beside ? round(beside.rate) : '',
      beside ? (rate / beside.rate).toFixed(2) : '',
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  console.log()
}

/** The median of an odd number of runs. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function round(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}
