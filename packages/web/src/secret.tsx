import { Button, Code, CopyButton, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './secret.module.css'

/** What was just made, and the server shows this once. */
export function Secret({ label, value, children }: { label: string; value: string; children: ReactNode }) {
  return (
    <>
      <Text size="sm">{children} Keep it now: it is not shown again.</Text>
      <Code block className={classes.whole ?? ''} tabIndex={0} aria-label={label}>
        {value}
      </Code>
      <CopyButton value={value}>
        {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}
      </CopyButton>
    </>
  )
}
