import type { AttendanceStatus } from '@rollcall/client'
import { formatNumber } from '../formats.ts'

export type Judged = { status: AttendanceStatus; lateSeconds: number; leftEarlySeconds: number }

/** What is said of somebody and one occurrence. */
export function wordsOf({ status, lateSeconds, leftEarlySeconds }: Judged): string {
  const late = `late ${minutes(lateSeconds)} min`
  const early = `left ${minutes(leftEarlySeconds)} min early`
  if (status === 'late') return late
  if (status === 'left-early') return early
  return status === 'late-and-left-early' ? `${late}, ${early}` : status.replace('-', ' ')
}

export function minutes(seconds: number): string {
  return formatNumber(Math.ceil(seconds / 60))
}
