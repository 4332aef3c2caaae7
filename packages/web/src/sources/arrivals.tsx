import { Badge, Group, Text } from '@mantine/core'
import type { Source } from '@rollcall/protocol'
import { formatNumber } from '../formats.ts'
import { Time } from '../time.tsx'
import classes from './sources.module.css'

type Arrival = Source['health']['arrivals'][number]

const outcomes: { [outcome in Arrival['outcome']]: { label: string; color: string } } = {
  recorded: { label: 'Recorded', color: 'green.9' },
  duplicate: { label: 'Came again', color: 'gray.7' },
  ignored: { label: 'Ignored', color: 'gray.7' },
  refused: { label: 'Refused', color: 'red.9' },
  failed: { label: 'Failed', color: 'red.9' },
}

/** What came of a source, by its kind, and what became of it; until something does, that it is waited for. */
export function Arrivals({ source: { name, health } }: { source: Source }) {
  const { arrivals, lastFactAt, lastError } = health
  return (
    <>
      {lastFactAt === null && (
        <Group gap={8} role="status">
          <span className="live-dot" />
          <Text size="sm">Waiting for the first event</Text>
        </Group>
      )}
      {arrivals.length === 0 && lastError !== null && (
        <Text c="var(--mantine-color-error)" size="sm">
          {lastError}
        </Text>
      )}
      {arrivals.length > 0 && (
        <ul className={classes.arrivals} aria-label={`What came of ${name}`}>
          {arrivals.map((one) => (
            <li key={`${one.outcome} ${one.what} ${one.reason}`} className={classes.arrival}>
              <Badge color={outcomes[one.outcome].color}>{outcomes[one.outcome].label}</Badge>
              <Text size="sm" className={classes.what ?? ''}>
                {one.what ?? (one.outcome === 'failed' ? 'Of ours' : 'A delivery')}
                {one.times > 1 && ` · ${formatNumber(one.times)} ×`}
                {one.reason !== null && <Text span c="dimmed">{` · ${one.reason}`}</Text>}
              </Text>
              <Text size="sm" c="dimmed">
                <Time at={one.lastAt} />
              </Text>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
