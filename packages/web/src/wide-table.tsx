import { Table, type TableProps } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './wide-table.module.css'

/** A table on a card that a narrow window scrolls sideways. */
export function WideTable({ label, children, ...props }: { label: string; children: ReactNode } & TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a narrow window scrolls it by keys
    <section className={`card ${classes.scroll}`} tabIndex={0} aria-label={label}>
      <Table verticalSpacing="sm" horizontalSpacing="md" aria-label={label} {...props}>
        {children}
      </Table>
    </section>
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
