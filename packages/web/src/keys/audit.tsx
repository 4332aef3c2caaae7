import { Button, Group, Table, Title } from '@mantine/core'
import type { AuditEntry } from '@rollcall/client'
import { useState } from 'react'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { Time } from '../time.tsx'
import { Folded, foldedColumn, WideTable } from '../wide-table.tsx'

const perPage = 20

/** Who did what, newest first, a page at a time. */
export function Audit() {
  const { rollcall } = useSignedIn()
  /** The cursors of the pages before the present one; the first page has none. */
  const [cursors, setCursors] = useState<(string | undefined)[]>([undefined])
  const cursor = cursors.at(-1)
  const { data, error, refetch } = useLive(
    ['audit', cursor],
    () => rollcall.keys.audit({ perPage, ...(cursor !== undefined && { cursor }) }),
    briskMs,
  )
  return (
    <section aria-labelledby="audit">
      <Title order={2} size="h4" id="audit" mb="sm">
        Who did what
      </Title>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : data.data.length === 0 ? (
        <Empty title="Nothing yet">
          Whatever is ended, removed, changed, erased or taken away is written down here.
        </Empty>
      ) : (
        <Entries entries={data.data} />
      )}
      {data !== undefined && (
        <Group justify="center" mt="md">
          {cursors.length > 1 && (
            <Button variant="default" onClick={() => setCursors(cursors.slice(0, -1))}>
              Newer
            </Button>
          )}
          {data.nextCursor !== undefined && (
            <Button variant="default" onClick={() => setCursors([...cursors, data.nextCursor])}>
              Older
            </Button>
          )}
        </Group>
      )}
    </section>
  )
}

function Entries({ entries }: { entries: AuditEntry[] }) {
  return (
    <WideTable label="Who did what" verticalSpacing="xs" leastWidth={640}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>When</Table.Th>
          <Table.Th>What</Table.Th>
          <Table.Th className={foldedColumn}>By</Table.Th>
          <Table.Th className={foldedColumn}>To</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {entries.map((entry) => (
          <EntryRow key={entry.id} entry={entry} />
        ))}
      </Table.Tbody>
    </WideTable>
  )
}

function EntryRow({
  entry: { at, action, apiKey, keyName, userName, asParticipant, participantId, about },
}: {
  entry: AuditEntry
}) {
  const who = userName ?? (apiKey === null ? 'the command line' : (keyName ?? apiKey))
  const by = asParticipant === null ? who : `${who}, as ${asParticipant}`
  const to = [...(participantId === null ? [] : [participantId]), ...Object.values(about)].join(', ')
  return (
    <Table.Tr>
      <Table.Td>
        <Time at={at} />
      </Table.Td>
      <Table.Td>
        {action}
        <Folded>
          <div>by {by}</div>
          {to !== '' && <div>to {to}</div>}
        </Folded>
      </Table.Td>
      <Table.Td className={foldedColumn}>{by}</Table.Td>
      <Table.Td className={foldedColumn}>{to}</Table.Td>
    </Table.Tr>
  )
}
