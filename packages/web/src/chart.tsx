import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { dateFormat, formatNumber, zone } from './formats.ts'

export type Series = {
  label: string
  values: (number | null)[]
  color: 'bar' | 'live' | 'bar-inferred'
  kind: 'line' | 'steps' | 'bars'
}

/** A canvas knows no CSS. */
const palettes = {
  light: { text: '#495057', line: '#e9ecef', bar: '#4263eb', live: '#237032', 'bar-inferred': '#e8590c' },
  dark: { text: '#b8b8b8', line: '#3b3b3b', bar: '#748ffc', live: '#51cf66', 'bar-inferred': '#ffa94d' },
}
type Palette = (typeof palettes)['light']

/** Epoch milliseconds. */
export type Range = { from: number; to: number }

/**
 * A drawing for the eye. What it says has to be there in words too: `summary` is what a screen reader gets.
 * @param times epoch milliseconds
 */
export function Chart({
  times,
  series,
  summary,
  height = 180,
  range,
  gutter = 48,
  unit = '',
  withTimes = true,
  label = formatDayOf,
}: {
  times: number[]
  series: Series[]
  summary: string
  height?: number
  range?: Range
  /** Pixels on the left, for the axis. */
  gutter?: number
  unit?: string
  /** False where the times are told beside it. */
  withTimes?: boolean
  /** What stands below a bar, of its time; always the same function. */
  label?: (at: number) => string
}) {
  const scheme = useComputedColorScheme('light')
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const shape = JSON.stringify([
    series.map(({ label, color, kind }) => [label, color, kind]),
    height,
    gutter,
    unit,
    withTimes,
    scheme,
  ])

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is drawn anew when its shape changes; data and range are set below
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const chart = new uPlot(
      toOptions(series, {
        width: element.clientWidth,
        height,
        gutter,
        unit,
        withTimes,
        label,
        palette: palettes[scheme],
      }),
      [[], ...series.map(() => [])],
      element,
    )
    plot.current = chart
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      chart.destroy()
    }
  }, [shape])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart that is drawn anew has no data yet
  useEffect(() => {
    const chart = plot.current
    if (chart === undefined) return
    chart.setData([times.map((at) => at / 1000), ...series.map(({ values }) => values)] as uPlot.AlignedData, false)
    const [first = 0, last = 1] = [times[0], times.at(-1)]
    // Bars reach beyond their own time by half their width; what is at one time alone needs some around it.
    const half = times.length < 2 ? aloneMs : series[0]?.kind === 'bars' ? (last - first) / (times.length - 1) / 2 : 0
    chart.setScale('x', { min: (range?.from ?? first - half) / 1000, max: (range?.to ?? last + half) / 1000 })
  }, [times, series, range?.from, range?.to, shape])

  return (
    <div ref={host} dir="ltr" role="img" aria-label={summary} style={{ height, minWidth: 0, overflow: 'hidden' }} />
  )
}

/** Around what is at one time alone. */
const aloneMs = 1000

/** Of people and sessions there are no halves. */
const wholeSteps = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat()

const daySeconds = 86_400
const axisFormats = {
  year: dateFormat({ year: 'numeric' }),
  month: dateFormat({ month: 'short' }),
  day: dateFormat({ day: 'numeric', month: 'numeric' }),
  minute: dateFormat({ timeStyle: 'short' }),
  second: dateFormat({ timeStyle: 'medium' }),
}

/** What the axis writes at these moments, which are so many seconds apart, in the reader's own way. */
function labelsOf(seconds: number[], apart: number): string[] {
  const { year, month, day, minute, second } = axisFormats
  const format =
    apart >= 300 * daySeconds
      ? year
      : apart >= 28 * daySeconds
        ? month
        : apart >= daySeconds
          ? day
          : apart >= 60
            ? minute
            : second
  return seconds.map((at) => toLeftToRight(format.format(at * 1000)))
}

/** A canvas is written from left to right: marks of the other direction would turn its dates around. */
function toLeftToRight(text: string): string {
  return text.replace(/\p{Bidi_Control}/gu, '')
}

function formatDayOf(at: number): string {
  return axisFormats.day.format(at)
}

/** Of the font of an axis, in pixels. */
const letterWidth = 7
/** Of what stands below a bar, with the space to the next, in pixels. */
const labelWidth = 56

/** Those bars below which something stands: the last, and as many before it as there is room for, as far apart as one another. */
function labelled({ width, data: [times] }: uPlot): number[] {
  const apart = Math.max(1, Math.ceil((times.length * labelWidth) / Math.max(1, width)))
  return Array.from(times).filter((_, n) => (times.length - 1 - n) % apart === 0)
}

function longest(values: string[] | null): number {
  return Math.max(0, ...(values ?? []).map(({ length }) => length))
}

type Look = {
  width: number
  height: number
  gutter: number
  unit: string
  withTimes: boolean
  label: (at: number) => string
  palette: Palette
}

function toOptions(series: Series[], { width, height, gutter, unit, withTimes, label, palette }: Look): uPlot.Options {
  const axis = {
    stroke: palette.text,
    grid: { stroke: palette.line, width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  }
  return {
    width,
    height,
    padding: withTimes ? [8, 26, 0, 0] : [8, 0, 8, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    axes: [
      {
        ...axis,
        grid: { show: false },
        show: withTimes,
        ...(series[0]?.kind === 'bars'
          ? {
              splits: labelled,
              values: (_: uPlot, at: number[]) => at.map((one) => toLeftToRight(label(one * 1000))),
            }
          : { values: (_, splits, __, ___, apart) => labelsOf(splits, apart) }),
      },
      {
        ...axis,
        // Where nothing below has to stand in line with it, it is as wide as its numbers.
        size: (_, values) => (withTimes ? Math.max(gutter, 16 + letterWidth * longest(values)) : gutter),
        incrs: wholeSteps,
        values: (_, splits) => splits.map((value) => `${formatNumber(value)}${unit}`),
      },
    ],
    series: [{}, ...series.map((one) => toSeries(one, palette[one.color]))],
  }
}

function toSeries({ label, kind }: Series, color: string): uPlot.Series {
  const { bars, stepped } = uPlot.paths
  const paths =
    kind === 'bars' ? bars?.({ size: [0.7, 60], radius: 0.15 }) : kind === 'steps' ? stepped?.({ align: 1 }) : undefined
  return {
    label,
    stroke: color,
    width: kind === 'bars' ? 0 : 1.5,
    fill: kind === 'bars' ? color : `${color}2e`,
    points: { show: false },
    spanGaps: false,
    ...(paths && { paths }),
  }
}
