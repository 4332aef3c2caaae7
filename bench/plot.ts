/** One line: its points, from left to right. */
export type Series = { name: string; points: { x: number; y: number }[] }

const [width, height] = [820, 420]
const margin = { left: 80, right: 260, top: 50, bottom: 60 }
const colours = ['#1f6feb', '#2da44e', '#cf222e', '#9a6700']

/** Lines over two logarithmic axes, as SVG. */
export function plotLogLog({ title, x, y, series }: { title: string; x: string; y: string; series: Series[] }): string {
  const points = series.flatMap((one) => one.points)
  const xs = decades(points.map((point) => point.x))
  const ys = decades(points.map((point) => point.y))
  const toX = place(xs, margin.left, width - margin.right)
  const toY = place(ys, height - margin.bottom, margin.top)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>${title}: ${y} by ${x}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="28" font-size="16" font-weight="600">${title}</text>`,
  ]
  for (const value of xs) {
    const at = toX(value)
    parts.push(`<path d="M${at} ${margin.top}V${height - margin.bottom}" stroke="#e5e7eb"/>`)
    parts.push(
      `<text x="${at}" y="${height - margin.bottom + 20}" text-anchor="middle" fill="#57606a">${short(value)}</text>`,
    )
  }
  for (const value of ys) {
    const at = toY(value)
    parts.push(`<path d="M${margin.left} ${at}H${width - margin.right}" stroke="#e5e7eb"/>`)
    parts.push(`<text x="${margin.left - 8}" y="${at + 4}" text-anchor="end" fill="#57606a">${short(value)}</text>`)
  }
  const middle = (margin.left + width - margin.right) / 2
  parts.push(`<text x="${middle}" y="${height - 14}" text-anchor="middle">${x}</text>`)
  parts.push(`<text transform="translate(22 ${height / 2}) rotate(-90)" text-anchor="middle">${y}</text>`)
  for (const [i, one] of series.entries()) {
    const colour = colours[i % colours.length]
    const path = one.points
      .map((point, n) => `${n === 0 ? 'M' : 'L'}${toX(point.x).toFixed(1)} ${toY(point.y).toFixed(1)}`)
      .join('')
    parts.push(`<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>`)
    for (const point of one.points) {
      parts.push(`<circle cx="${toX(point.x).toFixed(1)}" cy="${toY(point.y).toFixed(1)}" r="3.5" fill="${colour}"/>`)
    }
    const last = one.points.at(-1)
    if (last === undefined) continue
    parts.push(
      `<text x="${toX(last.x) + 10}" y="${toY(last.y) + 4}" fill="${colour}" font-weight="600">${one.name}</text>`,
    )
  }
  return `${parts.join('\n')}\n</svg>\n`
}

/** Powers of ten from below the least to above the greatest. */
function decades(values: number[]): number[] {
  const from = Math.floor(Math.log10(Math.min(...values)))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))))
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i))
}

function place(ticks: number[], from: number, to: number): (value: number) => number {
  const [least = 1] = ticks
  const greatest = ticks.at(-1) ?? 10
  return (value) => from + ((to - from) * Math.log10(value / least)) / Math.log10(greatest / least)
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6} m`
  return value >= 1e3 ? `${value / 1e3} k` : String(Number(value.toPrecision(1)))
}
