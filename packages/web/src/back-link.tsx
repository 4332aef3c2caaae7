import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { direction } from './formats.ts'

/** From one thing to all of its kind. */
export function BackLink({ to, children }: { to: string; children: string }) {
  return (
    <Anchor component={Link} to={to} size="sm" className="no-print">
      {direction === 'rtl' ? '→' : '←'} {children}
    </Anchor>
  )
}
