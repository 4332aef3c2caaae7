import { Table } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import { compareTexts } from './formats.ts'
import classes from './sorting.module.css'

// Tables that are whole on the page are put in order by their heads. A list that comes page by page is not: it would be the order of
// one page.

/** What a row is put in order by; null: nothing, which comes last either way. */
export type Key = string | number | null
export type Keys<T, Name extends string> = { [name in Name]: (row: T) => Key }
type Order<Name> = { by: Name; descending: boolean }

export type Sorting<T, Name extends string> = {
  /** The rows in the order that was chosen: where two are alike, as they were given. */
  sorted: T[]
  order: Order<Name> | undefined
  /** Ascending, then descending, then as they were given. */
  turn(by: Name): void
}

/** @param keys made once: not in the function that calls this */
export function useSorting<T, Name extends string>(rows: T[], keys: Keys<T, Name>): Sorting<T, Name> {
  const [order, setOrder] = useState<Order<Name>>()
  const sorted = useMemo(
    () => (order === undefined ? rows : sortRows(rows, keys[order.by], order)),
    [rows, keys, order],
  )
  const turn = (by: Name) =>
    setOrder(order?.by !== by ? { by, descending: false } : order.descending ? undefined : { by, descending: true })
  return { sorted, order, turn }
}

function sortRows<T>(rows: T[], keyOf: (row: T) => Key, { descending }: { descending: boolean }): T[] {
  const keyed = rows.map((row) => ({ row, key: keyOf(row) }))
  const sign = descending ? -1 : 1
  keyed.sort(({ key: a }, { key: b }) => {
    if (a === null || b === null) return Number(a === null) - Number(b === null)
    return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : compareTexts(String(a), String(b)))
  })
  return keyed.map(({ row }) => row)
}

type HeadProps<T, Name extends string> = { by: Name; sorting: Sorting<T, Name>; children: ReactNode }

/** The head of a column that puts the table in order. @param sorting undefined: not all of the rows are on the page */
export function SortedHead<T, Name extends string>({
  className = '',
  sorting,
  ...props
}: Omit<HeadProps<T, Name>, 'sorting'> & { sorting: Sorting<T, Name> | undefined; className?: string | undefined }) {
  if (sorting === undefined) return <Table.Th className={className}>{props.children}</Table.Th>
  return (
    <Table.Th className={className} aria-sort={sortOf({ by: props.by, sorting })}>
      <SortButton sorting={sorting} {...props} />
    </Table.Th>
  )
}

/** What is in such a head. */
export function SortButton<T, Name extends string>({ by, sorting, children }: HeadProps<T, Name>) {
  const sort = sortOf({ by, sorting })
  return (
    <button type="button" className={classes.head} onClick={() => sorting.turn(by)}>
      {children}
      <span className={classes.mark} aria-hidden="true">
        {sort === 'ascending' ? '▲' : sort === 'descending' ? '▼' : ''}
      </span>
    </button>
  )
}

export function sortOf<T, Name extends string>({
  by,
  sorting: { order },
}: Omit<HeadProps<T, Name>, 'children'>): 'ascending' | 'descending' | 'none' {
  if (order?.by !== by) return 'none'
  return order.descending ? 'descending' : 'ascending'
}
