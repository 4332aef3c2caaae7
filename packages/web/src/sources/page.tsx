import { Code, Group, Stack, Text, Title } from '@mantine/core'
import type { Source } from '@rollcall/protocol'
import type { ReactNode } from 'react'
import { formatNumber } from '../formats.ts'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { formatDuration, Time } from '../time.tsx'
import classes from './sources.module.css'

/** The media servers that report, and how that goes. */
export function SourcesPage() {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(['sources'], () => rollcall.sources(), briskMs)
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        Sources
      </Title>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Loading />}
      {data?.length === 0 && (
        <Empty title="No media server reports here yet">
          <Code>rollcall source add</Code> makes a source, and prints the lines to paste into the media server’s
          configuration. Hosted rooms and POST /v2/events need none.
        </Empty>
      )}
      {data?.map((source) => (
        <SourceCard key={source.id} source={source} />
      ))}
    </Stack>
  )
}

function SourceCard({ source }: { source: Source }) {
  const { name, type, projectId, url, health } = source
  const { lastFactAt, recorded, duplicate, ignored, refused, clockSkewMs, lastError, lastErrorAt } = health
  return (
    <section className={`card ${classes.source}`} aria-label={name}>
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h4">
          {name}
        </Title>
        <Text c="dimmed">{type}</Text>
      </Group>
      <Code className={classes.url ?? ''}>{url}</Code>
      <dl className={classes.facts}>
        {projectId !== undefined && <Fact name="Project">{projectId}</Fact>}
        <Fact name="Last heard">{lastFactAt === null ? 'never' : <Time at={lastFactAt} />}</Fact>
        <Fact name="Recorded">{formatNumber(recorded)}</Fact>
        <Fact name="Came again">{formatNumber(duplicate)}</Fact>
        <Fact name="Ignored">{formatNumber(ignored)}</Fact>
        <Fact name="Refused">{formatNumber(refused)}</Fact>
        <Fact name="Its clock">{clockSkewMs === null ? 'unknown' : describeSkew(clockSkewMs)}</Fact>
      </dl>
      {lastError !== null && (
        <Text c="var(--mantine-color-error)" size="sm">
          {lastErrorAt !== null && <Time at={lastErrorAt} />}: {lastError}
        </Text>
      )}
    </section>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="numeric">{children}</dd>
    </div>
  )
}

function describeSkew(ms: number): string {
  if (Math.abs(ms) < 1000) return 'right'
  return `${formatDuration(Math.abs(ms) / 1000)} ${ms > 0 ? 'behind' : 'ahead'}`
}
