import type { ReactNode } from 'react'
import classes from './facts.module.css'

/** What is known of one thing, side by side. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={`card ${classes.facts}`}>{children}</dl>
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd className="numeric">{children}</dd>
    </div>
  )
}
