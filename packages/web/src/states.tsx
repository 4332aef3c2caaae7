import { Alert, Button, Center, Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import { RollcallError } from '@rollcall/client'
import { type ReactNode, useEffect, useState } from 'react'
import { serverUrl } from './base.ts'

// What a page shows in place of what it has not.

/** Whoever waits for so long, in milliseconds, is told what for. */
const slowMs = 8000

export function Loading({ rows = 6 }: { rows?: number }) {
  const [isSlow, setSlow] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), slowMs)
    return () => clearTimeout(timer)
  }, [])
  return (
    <Stack gap="xs" aria-busy="true" aria-live="polite" role="status" aria-label="Loading">
      {isSlow && <Text c="dimmed">The server takes long to answer. It is still waited for.</Text>}
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <Skeleton key={i} height={38} radius="md" />
      ))}
    </Stack>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return <InPlace heading={<Text fw={600}>{title}</Text>}>{children}</InPlace>
}

/** In place of a whole page, about a thing that there is not. */
export function Missing({ what, children }: { what: string; children: ReactNode }) {
  const heading = (
    <Title order={1} size="h4">
      There is no such {what}
    </Title>
  )
  return <InPlace heading={heading}>{children}</InPlace>
}

function InPlace({ heading, children }: { heading: ReactNode; children: ReactNode }) {
  return (
    <Center py={56} px="md">
      <Stack gap={6} maw={440} ta="center" align="center">
        {heading}
        {children !== undefined && (
          // As a paragraph is, though it may have buttons in it.
          <Text c="dimmed" component="div" className="words">
            {children}
          </Text>
        )}
      </Stack>
    </Center>
  )
}

/** In a form: why it was not done. Nothing where it was, or was not tried yet. */
export function WhatWentWrong({ children: why }: { children: string | undefined }) {
  if (why === undefined) return null
  return (
    <Text c="var(--mantine-color-error)" role="alert">
      {why}
    </Text>
  )
}

/** What was shown before stays where it is; this says that it is old. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  const isAway = error instanceof RollcallError && error.code === 'UNREACHABLE'
  const title = isAway ? 'The server does not answer' : 'The server did not answer as hoped'
  return (
    <Alert color="red" variant="outline" role="alert" title={title}>
      <Group justify="space-between" gap="xs">
        <Text size="sm">{isAway ? `${serverUrl} is asked again by itself until it does.` : error.message}</Text>
        {retry !== undefined && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  )
}

/** In place of a page that broke, within what is around it. */
export function PageFailure({ error }: { error: unknown }) {
  return (
    <Alert color="red" variant="outline" role="alert" title="This page broke">
      <Group justify="space-between" gap="xs">
        <Text size="sm">{(error as Error).message}</Text>
        <Button size="xs" variant="default" onClick={() => location.reload()}>
          Load it again
        </Button>
      </Group>
    </Alert>
  )
}
