import { Code, Group, Stack, Text, Title } from '@mantine/core'
import type { Source } from '@rollcall/protocol'
import type { ReactNode } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { formatNumber } from '../formats.ts'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { formatDuration, Time } from '../time.tsx'
import { AddSource } from './add-source.tsx'
import { Arrivals } from './arrivals.tsx'
import { ChangeSource } from './change-source.tsx'
import { engines } from './fields.tsx'
import { SetupButton } from './setup.tsx'
import classes from './sources.module.css'

/** The media servers that report, and how that goes. */
export function SourcesPage() {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(['sources'], () => rollcall.sources(), briskMs)
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Sources
        </Title>
        <AddSource sources={data} onAdded={refetch} />
      </Group>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Loading />}
      {data?.length === 0 && (
        <Empty title="No media server reports here yet">
          Add the one you have, and paste the lines that you are shown into its configuration. Hosted rooms and POST
          /v2/events need none.
        </Empty>
      )}
      {data?.map((source) => (
        <SourceCard key={source.id} source={source} onChange={refetch} />
      ))}
    </Stack>
  )
}

function SourceCard({ source, onChange }: { source: Source; onChange: () => void }) {
  const { rollcall } = useSignedIn()
  const { id, name, type, projectId, url, health } = source
  const { lastFactAt, recorded, duplicate, ignored, refused, clockSkewMs } = health
  const remove = async () => {
    await rollcall.deleteSource(id)
    onChange()
  }
  return (
    <section className={`card ${classes.source}`} aria-label={name}>
      <Group justify="space-between" gap="xs">
        <div>
          <Title order={2} size="h4" className={classes.name ?? ''}>
            {name}
          </Title>
          <Text c="dimmed" size="sm">
            {engines[type].title}
          </Text>
        </div>
        <Group gap="xs">
          <SetupButton source={source} />
          <ChangeSource source={source} onChanged={onChange} />
          <ConfirmButton
            size="xs"
            label="Take away"
            ariaLabel={`Take away ${name}`}
            question="What it sends is not taken any more. What it sent stays."
            run={remove}
          />
        </Group>
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
      <Arrivals source={source} />
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
