import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Schedule } from '@rollcall/protocol'
import { RRuleTemporal } from 'rrule-temporal'
import { makeRoom } from '../support/api-calls.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// What a calendar's file says of time zones, read as RFC 5545 has it, against what this process knows of them.

const now = Date.UTC(2026, 11, 1)
const dayMs = 24 * 3600_000
/** Some change by a rule for ever, some did, some by the moon or a decree, one by half an hour, one was a day ahead. */
const zones = [
  ...[
    'Europe/Berlin',
    'Europe/Volgograd',
    'America/New_York',
    'America/Vancouver',
    'America/Mexico_City',
    'America/Santiago',
  ],
  ...[
    'America/Nuuk',
    'Africa/Casablanca',
    'Africa/Cairo',
    'Asia/Gaza',
    'Asia/Jerusalem',
    'Asia/Kolkata',
    'Asia/Tehran',
  ],
  ...['Australia/Lord_Howe', 'Pacific/Apia'],
]

let server: TestServer
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
  await makeRoom(server, { customRoomId: 'math' })
})
after(() => server.stop())

/** A schedule that begins on some day at nine in each of these zones, as a calendar's file. */
async function exportFrom(day: string, timeZones: string[]): Promise<string> {
  const made: Schedule[] = []
  for (const timeZone of timeZones) {
    const body = { name: timeZone, roomIds: ['math'], start: `${day}T09:00`, durationMinutes: 45, timeZone }
    made.push((await server.call<Schedule>('POST', '/v2/schedules', body)).body)
  }
  const { text } = await server.call('GET', '/v2/schedules.ics')
  for (const { id } of made) await server.call('DELETE', `/v2/schedules/${id}`)
  return text.replaceAll('\r\n ', '')
}

const blockOf = (file: string, zone: string) =>
  file.split('BEGIN:VTIMEZONE').find((block) => block.includes(`TZID:${zone}\r\n`)) ?? ''
const lineOf = (text: string, name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]?.trim()
const minutesOf = (offset = '') =>
  Number(`${offset.slice(0, 1)}1`) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3, 5)))
const localOf = (text: string) => Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6Z'))

/** The changes that a definition of a zone gives until some time, the latest last: when, and the offset from then on. */
function changesOf(block: string, until: number): { at: number; minutes: number }[] {
  const changes = block
    .split(/^BEGIN:(?:STANDARD|DAYLIGHT)/m)
    .slice(1)
    .flatMap((observance) => {
      const start = lineOf(observance, 'DTSTART') ?? ''
      const rule = lineOf(observance, 'RRULE')
      const recurring =
        rule === undefined ? undefined : new RRuleTemporal({ rruleString: `DTSTART:${start}Z\nRRULE:${rule}` })
      const onsets = recurring?.between(new Date(localOf(start)), new Date(until), true) ?? []
      const dates = [...observance.matchAll(/^RDATE:(.*)$/gm)].map(([, text = '']) => localOf(text.trim()))
      const before = minutesOf(lineOf(observance, 'TZOFFSETFROM'))
      const minutes = minutesOf(lineOf(observance, 'TZOFFSETTO'))
      const locals = [localOf(start), ...dates, ...onsets.map(({ epochMilliseconds }) => epochMilliseconds)]
      return locals.map((local) => ({ at: local - before * 60_000, minutes }))
    })
  return changes.sort((a, b) => a.at - b.at)
}

/** The offset of a zone as the process has it, in minutes. */
function offsetIn(zone: string): (at: number) => number {
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, hourCycle: 'h23', ...parts })
  return (at) => (Date.parse(`${format.format(at).replace(' ', 'T')}Z`) - at) / 60_000
}

describe('the time zones of a calendar that goes out', () => {
  for (const [day, lastYear] of [
    ['2026-01-05', 2045],
    ['2009-01-05', 2040],
  ] as const) {
    test(`have the offsets that Rollcall judges by, from ${day} to ${lastYear}`, async () => {
      const file = await exportFrom(day, zones)
      const until = Date.UTC(lastYear, 11, 31)
      for (const zone of zones) {
        const changes = changesOf(blockOf(file, zone), until)
        const known = offsetIn(zone)
        let minutes: number | undefined
        for (let at = Date.parse(`${day}T12:00Z`); at < until; at += 3 * dayMs) {
          while (changes[0] !== undefined && changes[0].at <= at) minutes = changes.shift()?.minutes
          assert.equal(minutes, known(at), `${zone} at ${new Date(at).toISOString()}`)
        }
      }
    })
  }

  test('are rules where they change so for ever, for readers that take no dates', async () => {
    const file = await exportFrom('2026-01-05', ['Europe/Berlin', 'America/New_York', 'Asia/Jerusalem'])
    const rules = (zone: string) => [...blockOf(file, zone).matchAll(/^(?:RRULE|RDATE).*$/gm)].map(([line]) => line)
    assert.deepEqual(rules('Europe/Berlin'), [
      'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
      'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
    ])
    assert.deepEqual(rules('America/New_York'), [
      'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU',
      'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU',
    ])
    assert.deepEqual(rules('Asia/Jerusalem'), [
      'RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=23,24,25,26,27,28,29;BYDAY=FR',
      'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
    ])
  })
})
