import { Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './room.module.css'

/** The whole page, where it says one thing: what happened, and what to do. */
export function Message({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <main className={classes.center}>
      <Stack align="center" ta="center" maw={440}>
        <Title order={1} size="h2">
          {title}
        </Title>
        <Text c="dimmed">{text}</Text>
        {children}
      </Stack>
    </main>
  )
}
