import { Alert, Button, Center, Group, Skeleton, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

// What a page shows in place of what it has not.

export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <Stack gap="xs" aria-busy="true" aria-live="polite" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <Skeleton key={i} height={38} radius="md" />
      ))}
    </Stack>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Center py={56} px="md">
      <Stack gap={6} maw={440} ta="center" align="center">
        <Text fw={600}>{title}</Text>
        {children !== undefined && (
          <Text c="dimmed" component="div">
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
  return (
    <Alert color="red" variant="outline" role="alert" title="The server did not answer as hoped">
      <Group justify="space-between" gap="xs">
        <Text size="sm">{error.message}</Text>
        {retry !== undefined && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  )
}
