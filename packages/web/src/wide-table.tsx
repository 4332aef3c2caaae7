import { Table, type TableProps } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './wide-table.module.css'

type WideTableProps = Omit<TableProps, 'miw'> & { label: string; children: ReactNode; leastWidth?: number }

/**
 * A table on a card that a narrow window scrolls sideways.
 * @param leastWidth in pixels; on a phone, where columns are folded, it is as wide as the window
 */
export function WideTable({ label, children, leastWidth = 0, ...props }: WideTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a narrow window scrolls it by keys
    <section className={`card ${classes.scroll}`} tabIndex={0} aria-label={label}>
      <Table
        verticalSpacing="sm"
        horizontalSpacing="md"
        aria-label={label}
        __vars={{ '--least-width': `${leastWidth}px` }}
        {...props}
        className={`${classes.table} ${props.className ?? ''}`}
      >
        {children}
      </Table>
    </section>
  )
}

/** A column that a phone has no room for: what of it matters there is `Folded`. */
export const foldedColumn = classes.column ?? ''

/** What a phone shows below what a row is about, in place of the columns that are folded. */
export function Folded({ children }: { children: ReactNode }) {
  return <div className={classes.folded}>{children}</div>
}

/** The buttons of a row: on a phone one below the other, but for many. */
export function Actions({ children, areMany = false }: { children: ReactNode; areMany?: boolean }) {
  return (
    <div className={classes.actions} data-many={areMany || undefined}>
      {children}
    </div>
  )
}

/** The head of the column of buttons, for those who hear it. */
export function ActionsHead() {
  return (
    <Table.Th>
      <span className={classes.hidden}>Actions</span>
    </Table.Th>
  )
}
