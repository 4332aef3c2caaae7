import { Badge, Group, Stack, Table, Text, Title } from '@mantine/core'
import type { OwnerKey } from '@rollcall/client'
import { ConfirmButton } from '../confirm-button.tsx'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Failure, Loading } from '../states.tsx'
import { Time } from '../time.tsx'
import { Actions, ActionsHead, Folded, foldedColumn, WideTable } from '../wide-table.tsx'
import { AddKey } from './add-key.tsx'
import { Audit } from './audit.tsx'
import { Retention } from './retention.tsx'
import { RotateKey } from './rotate-key.tsx'

/** The keys of the owner, what each may do, and who did what with them. */
export function KeysPage() {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(['keys'], () => rollcall.keys.list(), briskMs)
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Keys
        </Title>
        <AddKey onAdded={refetch} />
      </Group>
      <Text c="dimmed" maw={640}>
        All keys see the same record. Give each program or person one of their own that may do what they need: it can be
        taken back without touching the others.
      </Text>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? error === null && <Loading rows={3} /> : <KeyTable keys={data} onChange={refetch} />}
      <Retention />
      <Audit />
    </Stack>
  )
}

const columns: Keys<OwnerKey, 'name' | 'may' | 'last' | 'ends'> = {
  name: ({ name, apiKey }) => name ?? apiKey,
  may: ({ isFirst, scopes }) => (isFirst ? '' : scopes.join(', ')),
  last: ({ lastUsedAt }) => lastUsedAt,
  ends: ({ disabledAt, expiresAt }) => disabledAt ?? expiresAt,
}

function KeyTable({ keys, onChange }: { keys: OwnerKey[]; onChange: () => void }) {
  const sorting = useSorting(keys, columns)
  return (
    <WideTable label="Keys" leastWidth={640}>
      <Table.Thead>
        <Table.Tr>
          <SortedHead by="name" sorting={sorting}>
            Name
          </SortedHead>
          <SortedHead by="may" sorting={sorting} className={foldedColumn}>
            May do
          </SortedHead>
          <SortedHead by="last" sorting={sorting} className={foldedColumn}>
            Last used
          </SortedHead>
          <SortedHead by="ends" sorting={sorting} className={foldedColumn}>
            Ends
          </SortedHead>
          <ActionsHead />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sorting.sorted.map((key) => (
          <KeyRow key={key.apiKey} of={key} onChange={onChange} />
        ))}
      </Table.Tbody>
    </WideTable>
  )
}

function KeyRow({ of: key, onChange }: { of: OwnerKey; onChange: () => void }) {
  const { rollcall } = useSignedIn()
  const { apiKey, name, isFirst, scopes, lastUsedAt, disabledAt } = key
  const isDisabled = disabledAt !== null
  const setDisabled = async (disabled: boolean) => {
    await rollcall.keys.update(apiKey, { disabled })
    onChange()
  }
  const remove = async () => {
    await rollcall.keys.delete(apiKey)
    onChange()
  }
  const of = name ?? apiKey
  const may = isFirst ? 'everything: the first key' : scopes.join(', ')
  return (
    <Table.Tr>
      <Table.Td>
        <Text fw={600} size="sm">
          {of}
        </Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {apiKey}
        </Text>
        <Folded>
          <div>{may}</div>
          <div>Last used: {lastUsedAt === null ? 'never' : <Time at={lastUsedAt} />}</div>
          <div>
            Ends: <Ends of={key} />
          </div>
        </Folded>
      </Table.Td>
      <Table.Td className={foldedColumn}>{may}</Table.Td>
      <Table.Td className={foldedColumn}>{lastUsedAt === null ? 'never' : <Time at={lastUsedAt} />}</Table.Td>
      <Table.Td className={foldedColumn}>
        <Ends of={key} />
      </Table.Td>
      <Table.Td>
        <Actions>
          <RotateKey apiKey={apiKey} name={of} onRotated={onChange} />
          {!isFirst && (
            <>
              <ConfirmButton
                size="xs"
                label={isDisabled ? 'Enable' : 'Disable'}
                ariaLabel={`${isDisabled ? 'Enable' : 'Disable'} ${of}`}
                question={
                  isDisabled
                    ? 'Its tokens are taken again from now on.'
                    : 'Its tokens are refused from now on, until it is enabled again.'
                }
                run={() => setDisabled(!isDisabled)}
              />
              <ConfirmButton
                size="xs"
                label="Delete"
                ariaLabel={`Delete ${of}`}
                question="Its tokens are refused from now on. What was recorded with it stays."
                run={remove}
              />
            </>
          )}
        </Actions>
      </Table.Td>
    </Table.Tr>
  )
}

function Ends({ of: { disabledAt, expiresAt } }: { of: OwnerKey }) {
  if (disabledAt !== null) return <Badge color="gray.7">Disabled</Badge>
  if (expiresAt === null) return 'never'
  if (Date.parse(expiresAt) <= Date.now()) return <Badge color="gray.7">Expired</Badge>
  return <Time at={expiresAt} />
}
