import { Alert, Anchor, Button, Group, Progress, Stack, Table, Text, Title } from '@mantine/core'
import type { ImportStep } from '@rollcall/client'
import { Link } from '@tanstack/react-router'
import { formatNumber } from '../formats.ts'
import { saveFile } from '../save-file.ts'
import { toCsv } from '../to-csv.ts'
import { WideTable } from '../wide-table.tsx'

type Step<T extends ImportStep['type']> = Extract<ImportStep, { type: T }>
/** What is known of an import so far. */
export type Outcome = {
  name: string
  progress?: Step<'progress'>
  untaken: Step<'untaken'>[]
  /** What it ended with, once it did. */
  end?: Step<'report'> | Step<'failed'>
}

/** Places that are listed; all are in the download. */
const listedMax = 200

/** How far an import is, what became of it, and each place of the file that was not taken. */
export function ImportOutcome({ outcome }: { outcome: Outcome }) {
  const { name, progress, untaken, end } = outcome
  return (
    <Stack gap="md">
      {end === undefined && <Running name={name} progress={progress} />}
      {end?.type === 'failed' && (
        <Alert color="red" variant="outline" role="alert" title="It went no further">
          {end.reason}
        </Alert>
      )}
      {end?.type === 'report' && <Report name={name} report={end} />}
      {untaken.length > 0 && <Untaken name={name} untaken={untaken} />}
    </Stack>
  )
}

function Running({ name, progress }: { name: string; progress: Step<'progress'> | undefined }) {
  const { done = 0, all = 0 } = progress ?? {}
  return (
    <div className="card" style={{ padding: 16 }} role="status">
      <Text mb="xs">
        {progress === undefined
          ? `${name} is sent and read …`
          : `${formatNumber(done)} of ${formatNumber(all)} facts of ${name} are recorded`}
      </Text>
      <Progress value={all === 0 ? 100 : (100 * done) / all} animated={all === 0} aria-label="Progress" />
    </div>
  )
}

function Report({ name, report }: { name: string; report: Step<'report'> }) {
  const { sessions, stays, recorded, duplicate, untaken } = report
  const isKnown = recorded === 0 && duplicate > 0
  return (
    <Alert color={untaken > 0 ? 'orange' : 'green'} variant="outline" role="status" title={`${name} is imported`}>
      <Text size="sm">
        {formatNumber(sessions)} {sessions === 1 ? 'session' : 'sessions'} with {formatNumber(stays)}{' '}
        {stays === 1 ? 'time' : 'times'} inside
        {isKnown && ', all of which were here before'}
        {untaken > 0 && `; ${formatNumber(untaken)} ${untaken === 1 ? 'place' : 'places'} not taken`}.
      </Text>
      {sessions > 0 && (
        <Anchor component={Link} to="/" size="sm">
          See the sessions
        </Anchor>
      )}
    </Alert>
  )
}

function Untaken({ name, untaken }: { name: string; untaken: Step<'untaken'>[] }) {
  const save = () => {
    const rows = untaken.map(({ where, reason }) => [where, reason])
    saveFile(new Blob([toCsv([['where', 'reason'], ...rows])], { type: 'text/csv' }), `${name} not taken.csv`)
  }
  return (
    <section aria-labelledby="untaken">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4" id="untaken">
          Not taken
        </Title>
        <Button size="xs" variant="default" onClick={save}>
          Download as CSV
        </Button>
      </Group>
      <WideTable label="Not taken">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Where</Table.Th>
            <Table.Th>Why</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {untaken.slice(0, listedMax).map(({ where, reason }) => (
            <Table.Tr key={`${where} ${reason}`}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{where}</Table.Td>
              <Table.Td>{reason}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
      {untaken.length > listedMax && (
        <Text size="sm" c="dimmed" mt="xs">
          The first {formatNumber(listedMax)} of {formatNumber(untaken.length)}: all of them are in the download.
        </Text>
      )}
    </section>
  )
}
