import {
  type AliasableExpression,
  type AliasedExpression,
  type Compilable,
  type Expression,
  type Insertable,
  type Kysely,
  type Selectable,
  type SqlBool,
  sql,
} from 'kysely'
import type { Refusal } from '../../error.ts'
import type { Tables } from './tables.ts'

/** A query compiled once: the text, and for each place in it the name of a parameter or a constant. */
export type Query<P, R> = {
  sql: string
  places: ({ name: keyof P } | { value: unknown })[]
  /** Never set: it holds the type of a row. */
  row?: R
}

/** For columns that are not simply written over: SQL that makes the value from that of `excluded`, the new row, and of the old; null: the old stays. */
export type Merge = { [column: string]: string | null }

/** One connection to the database. Answers may come at once or later: callers await. */
export type Database = {
  kysely: Kysely<Tables>
  all<P, R>(query: Query<P, R>, params: P): R[] | Promise<R[]>
  /** The number of rows it changed. */
  run<P>(query: Query<P, unknown>, params: P): number | Promise<number>
  /**
   * Inserts rows, all with the same columns, in their order.
   * @param key where given, a row whose key is there already is written over: by the new values, or as `merge` says
   */
  insertRows<T extends keyof Tables>(
    table: T,
    rows: Insertable<Tables[T]>[],
    key?: string[],
    merge?: Merge,
  ): void | Promise<void>
  /** Everything or nothing; nested calls are not allowed. */
  transaction<T>(work: () => Promise<T>): Promise<T>
  close(): void | Promise<void>
  differences: Differences
}

/** What one database writes otherwise than another. */
export type Differences = {
  /** The elements of a JSON array of objects, as rows `x` with a column `value`: their fields are `x.value ->> 'name'`. */
  each(list: string): AliasedExpression<{ value: string }, 'x'>
  /**
   * The rows of a table that the elements of a JSON array of objects name: in each of these columns stands that field of one. They
   * are looked up one by one, whatever the database took the table for when it last looked at it.
   */
  named<T extends keyof Tables>(table: T, list: string, by: NamedBy<T>): AliasableExpression<Selectable<Tables[T]>>
  /** The same of rows `t` that a condition finds for an element `x`: one that several find is there as often. */
  found<T extends keyof Tables>(
    table: T,
    list: string,
    isFound: Expression<unknown>,
  ): AliasableExpression<Selectable<Tables[T]>>
  /** The elements of a JSON array of texts, as rows `x` with a column `value`. */
  eachText(list: string): AliasedExpression<{ value: string }, 'x'>
  /** Whether a column's text is one of a JSON array: each is looked up in an index of the column, where there is one. */
  isIn(column: string, list: string): Expression<SqlBool>
  /**
   * Whether a row has this value in one column, and a number between two, both exclusive, in another: by an index that has the one
   * before the other, and not by another of the latter, whatever the database took the table for when it last looked at it.
   */
  liesBetween(
    column: string,
    value: Expression<number>,
    within: { column: string; above: Expression<number>; below: Expression<number> },
  ): Expression<SqlBool>
  /** All rows, each as a list of these columns, in one JSON array; null where there are none. */
  listOf(columns: string[]): AliasableExpression<string | null>
  /** A number's column, by which no index is to be chosen: where a database takes the wrong one. */
  unindexed(column: string): Expression<number>
  /** The raw log is divided by days, which are dropped whole: see `log-days.ts`. */
  hasLogDays: boolean
  /** What the database itself finds wrong with its file, in words; nothing where that is not ours to look after. */
  findFileFaults(kysely: Kysely<Tables>): Promise<string[]>
  /** Keeps other processes from writing in these rooms until the commit; nothing where there are no others. */
  lockRooms(keyId: number, roomIds: string[]): Promise<void>
  /**
   * When to try a transaction again that failed for no fault of its own, in milliseconds; undefined: not at all.
   * @param so how often it was tried, and for how long what is in it has waited, in milliseconds
   */
  retryAfterMs(error: unknown, so: { tries: number; waitedMs: number }): number | undefined
  /** What whoever asked is told where the database says no for the moment; undefined where it is another failure. */
  toBusy(error: unknown): Refusal | undefined
}

/** Of which key the rows are, and the columns that name them with the fields that hold their values. */
export type NamedBy<T extends keyof Tables> = {
  keyId: number
  fields: { [column in keyof Tables[T] & string]?: string }
}

/** The condition on a row `t` that an element `x` names. */
export function isNamed<T extends keyof Tables>({ keyId, fields }: NamedBy<T>): Expression<unknown> {
  const equal = Object.entries(fields).map(
    ([column, field]) => sql`${sql.ref(`t.${column}`)} = x.value ->> ${sql.lit(field)}`,
  )
  return sql.join([sql`t.key_id = ${keyId}`, ...equal], sql` and `)
}

class Place {
  name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * Compiles a query of Kysely once (it costs some microseconds each time); `build` gets each parameter by its name.
 * @example const byId = compile<{ id: string }, { name: string }>((p) => db.selectFrom('t').select('name').where('id', '=', p.id))
 */
export function compile<P extends object, R>(build: (params: P) => Compilable<R>): Query<P, R> {
  const params = new Proxy({}, { get: (_, name) => new Place(String(name)) }) as P
  const { sql, parameters } = build(params).compile()
  const places = parameters.map((value) =>
    value instanceof Place ? { name: value.name as keyof P } : { value: value },
  )
  return { sql, places }
}

/** The values of a query's places, in order. */
export function bind<P>(query: Query<P, unknown>, params: P): unknown[] {
  return query.places.map((place) => ('name' in place ? params[place.name] : place.value))
}

/** What an insert of rows with these columns does with those that are there already. */
export function onConflict(columns: string[], key: string[] | undefined, merge: Merge = {}): string {
  if (key === undefined) return ''
  const set = columns.filter((name) => !key.includes(name) && merge[name] !== null)
  if (set.length === 0) return ` on conflict (${key}) do nothing`
  const sets = set.map((name) => `"${name}" = ${merge[name] ?? `excluded."${name}"`}`)
  return ` on conflict (${key}) do update set ${sets}`
}
