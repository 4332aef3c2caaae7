import { Button, Code, CopyButton, Text } from '@mantine/core'
import classes from './webhooks.module.css'

/** A secret that was just made: the server shows it this once. */
export function Secret({ secret }: { secret: string }) {
  return (
    <>
      <Text size="sm">
        This is its secret, with which you check <Code>webhook-signature</Code>. Keep it now: it is not shown again.
      </Text>
      <Code block className={classes.whole ?? ''} tabIndex={0} aria-label="Secret">
        {secret}
      </Code>
      <CopyButton value={secret}>
        {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}
      </CopyButton>
    </>
  )
}
