import {
  type Quality,
  type QualityOrigin,
  type QualityReport,
  qualityPointsMax,
  videoHeights,
} from '@rollcall/protocol'
import { type Insertable, type Kysely, sql } from 'kysely'
import type { Database, Merge } from './database/database.ts'
import {
  averageColumns,
  averagedColumns,
  type In,
  lossColumns,
  type Sums,
  scoreColumns,
  streamColumns,
  sumColumns,
} from './database/quality-columns.ts'
import type { Tables } from './database/tables.ts'
import { noun, type Over, query } from './noun.ts'

// A row of `quality` holds what was measured of one participant at one moment, or (under the empty id) of everybody in
// one slot of time: so a whole session is read without its people, however many they were. What is averaged is kept as a
// sum, beside the number of what it sums.

/** Samples of everybody fall together for this long, in milliseconds: about as long as a client takes from one to the next. */
const slotMs = 10_000
const everybody = ''

const noStreams = Object.fromEntries(videoHeights.map((height) => [height, 0]))

/** What was measured at one moment or in one span of time: losses summed up, means of the rest. What nobody measured is absent. */
export type Measured = Pick<QualityReport, 'stats' | 'resolutionUsage'> & {
  /** When its latest sample was taken, epoch milliseconds. */
  at: number
}

export type QualityWriter = {
  /** Notes a sample of somebody who was inside the session. */
  saveQuality(keyId: number, sessionId: string, fact: Quality): void
  /** Writes what was noted; to be called once, before the commit. */
  flush(): Promise<void>
}

type OfPerson = { keyId: number; sessionId: string; participantId: string }
type Origin = Insertable<Tables['quality_origins']>
type Row = Sums & { last_at: number }
/** Spans of `spanMs` from `firstAt` on, until one holds `lastAt`. */
type Spans = { firstAt: number; lastAt: number; spanMs: number }

const keyColumns = ['key_id', 'session_id', 'participant_id']
const addUp: Merge = {
  last_at: 'case when excluded.last_at > quality.last_at then excluded.last_at else quality.last_at end',
  ...Object.fromEntries(sumColumns.map((column) => [column, `quality.${column} + excluded.${column}`])),
}
const keepLater: Merge = Object.fromEntries(
  ['at', 'origin_json'].map((column) => [
    column,
    `case when (excluded.at, excluded.origin_json) > (quality_origins.at, quality_origins.origin_json)
      then excluded.${column} else quality_origins.${column} end`,
  ]),
)

/** For the length of one transaction: what falls together is added up before it is written. */
export function openQualityWriter(db: Database): QualityWriter {
  const samples = new Map<string, Insertable<Tables['quality']>>()
  const origins = new Map<string, Origin>()

  const add = (row: Insertable<Tables['quality']>) => {
    const name = JSON.stringify([row.key_id, row.session_id, row.participant_id, row.at])
    const known = samples.get(name)
    if (known === undefined) samples.set(name, row)
    else {
      known.last_at = Math.max(known.last_at, row.last_at)
      for (const column of sumColumns) known[column] += row[column]
    }
  }

  return {
    saveQuality(keyId, sessionId, { participantId, at, stats, resolutionUsage, ...said }) {
      const whose = { key_id: keyId, session_id: sessionId, participant_id: participantId }
      const sums = toSums(stats, resolutionUsage)
      add({ ...whose, at, last_at: at, ...sums })
      add({ ...whose, participant_id: everybody, at: at - (at % slotMs), last_at: at, ...sums })
      const { deviceInfo, sdkInfo, location, network } = said
      const origin = { ...whose, at, origin_json: JSON.stringify({ deviceInfo, sdkInfo, location, network }) }
      const known = origins.get(JSON.stringify(whose))
      if (origin.origin_json === '{}' || (known !== undefined && !isLater(origin, known))) return
      origins.set(JSON.stringify(whose), origin)
    },
    async flush() {
      const [sampled, from] = [[...samples.values()], [...origins.values()]]
      samples.clear()
      origins.clear()
      await Promise.all([
        db.insertRows('quality', sampled, [...keyColumns, 'at'], addUp),
        db.insertRows('quality_origins', from, keyColumns, keepLater),
      ])
    },
  }
}

/** Of two of the same moment one is chosen by its text: the same one, in whichever order they come. */
function isLater(one: Origin, other: Origin): boolean {
  return one.at > other.at || (one.at === other.at && one.origin_json > other.origin_json)
}

const series = (k: Kysely<Tables>, p: OfPerson) =>
  k
    .selectFrom('quality')
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', '=', p.participantId)
const listFirst = query<OfPerson & { limit: number }, Row & { at: number }>((k, p) =>
  series(k, p)
    .select(['at', 'last_at', ...sumColumns])
    .orderBy('at')
    .limit(p.limit),
)
const findLast = query<OfPerson, { at: number }>((k, p) => series(k, p).select('at').orderBy('at', 'desc').limit(1))
// One reach into the index for each span. (Grouped by span, every row would be sorted first: of 10,000, in 30 times the time.)
const listSpans = query<OfPerson & Spans, { sums: string }>((k, p) => {
  const spanMs = asInteger(p.spanMs)
  const sums = sumColumns.map((column) => sql`coalesce(sum(${sql.ref(column)}), 0)`)
  return k
    .withRecursive('spans(start_at)', (one) =>
      one.selectNoFrom(asInteger(p.firstAt).as('start_at')).unionAll(
        one
          .selectFrom('spans')
          .select(sql<number>`start_at + ${spanMs}`.as('start_at'))
          .where(sql<boolean>`start_at + ${spanMs} <= ${asInteger(p.lastAt)}`),
      ),
    )
    .selectFrom('spans')
    .select(
      series(k, p)
        .where('at', '>=', sql.ref<number>('spans.start_at'))
        .where('at', '<', sql<number>`spans.start_at + ${spanMs}`)
        .select(sql<string>`concat_ws(' ', coalesce(max(last_at), 0), ${sql.join(sums)})`.as('sums'))
        .as('sums'),
    )
    .orderBy('start_at')
    .$castTo<{ sums: string }>()
})
const originsOf = query<
  { keyId: number; sessionId: string; ids: string },
  { participantId: string; originJson: string }
>((k, p, { differences }) =>
  k
    .selectFrom('quality_origins')
    .select(['participant_id as participantId', 'origin_json as originJson'])
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where(differences.isIn('participant_id', p.ids)),
)
/** How everybody's media went. It is written with the facts that tell of it. */
export const quality = noun({
  reads: {
    /** In order of time; of one participant, or of everybody together: at most `qualityPointsMax` points. */
    async list({ db }: Over, keyId: number, sessionId: string, participantId = everybody): Promise<Measured[]> {
      const whose = { keyId, sessionId, participantId }
      const rows = await db.all(listFirst(db), { ...whose, limit: qualityPointsMax + 1 })
      if (rows.length <= qualityPointsMax) return rows.map(toMeasured)
      const firstAt = rows[0]?.at ?? 0
      const lastAt = (await db.all(findLast(db), whose))[0]?.at ?? firstAt
      const spanMs = Math.ceil((lastAt - firstAt + 1) / qualityPointsMax)
      const spans = await db.all(listSpans(db), { ...whose, firstAt, lastAt, spanMs })
      return spans.map(({ sums }) => toMeasured(parseSums(sums))).filter(({ at }) => at > 0)
    },
    /** Where a participant's samples come from, as the latest that said so has it. */
    async findOrigin({ db }: Over, keyId: number, sessionId: string, participantId: string): Promise<QualityOrigin> {
      return (await readOrigins(db, keyId, sessionId, [participantId])).get(participantId) ?? {}
    },
    /** The same of several, by participantId; of whom nothing is known is not in it. */
    async listOrigins(
      { db }: Over,
      keyId: number,
      sessionId: string,
      participantIds: string[],
    ): Promise<Map<string, QualityOrigin>> {
      return readOrigins(db, keyId, sessionId, participantIds)
    },
  },
  writes: {},
  replicated: ['list', 'listOrigins'],
})

async function readOrigins(
  db: Database,
  keyId: number,
  sessionId: string,
  participantIds: string[],
): Promise<Map<string, QualityOrigin>> {
  const rows = await db.all(originsOf(db), { keyId, sessionId, ids: JSON.stringify(participantIds) })
  return new Map(rows.map(({ participantId, originJson }) => [participantId, JSON.parse(originJson)]))
}

function asInteger(value: number) {
  return sql<number>`cast(${value} as bigint)`
}

function toSums(stats: QualityReport['stats'], resolutionUsage: QualityReport['resolutionUsage']): Sums {
  const streams = resolutionUsage && { ...noStreams, ...resolutionUsage }
  const { qualityScore, ...numbers } = stats
  const values: { [name: string]: number | undefined } = { ...numbers, ...qualityScore, ...streams }
  const sums = {} as Sums
  for (const [name, column] of Object.entries(lossColumns)) sums[column] = values[name] ?? 0
  for (const [name, column] of Object.entries(averagedColumns)) {
    sums[column] = values[name] ?? 0
    sums[`${column}_count`] = values[name] === undefined ? 0 : 1
  }
  return sums
}

function parseSums(text: string): Row {
  const [lastAt, ...sums] = text.split(' ').map(Number)
  return { last_at: lastAt, ...Object.fromEntries(sumColumns.map((column, i) => [column, sums[i]])) } as Row
}

function toMeasured(row: Row): Measured {
  const losses = Object.entries(lossColumns).map(([name, column]) => [name, row[column]])
  const qualityScore = meansOf(scoreColumns, row)
  const resolutionUsage = meansOf(streamColumns, row)
  return {
    at: row.last_at,
    stats: {
      ...Object.fromEntries(losses),
      ...meansOf(averageColumns, row),
      ...(!isEmpty(qualityScore) && { qualityScore }),
    },
    ...(!isEmpty(resolutionUsage) && { resolutionUsage }),
  }
}

function meansOf<Name extends string>(
  columns: { [name in Name]: In<typeof averagedColumns> },
  row: Row,
): { [name in Name]?: number } {
  const means: { [name in Name]?: number } = {}
  for (const name in columns) {
    const column = columns[name]
    const count = row[`${column}_count`]
    if (count > 0) means[name] = row[column] / count
  }
  return means
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
