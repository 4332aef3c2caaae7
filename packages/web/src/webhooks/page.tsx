import { Button, Code, Group, Modal, Stack, Table, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { WebhookEndpoint } from '@rollcall/client'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { briskMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { Secret } from '../secret.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { useSubmit } from '../submit.ts'
import { Time } from '../time.tsx'
import { foldedColumn, WideTable } from '../wide-table.tsx'
import { EndpointFields, readEndpoint } from './fields.tsx'
import { webhooksPerPage } from './search.ts'
import { EndpointState } from './state.tsx'
import classes from './webhooks.module.css'

const path = '/webhooks'

/** The addresses that are told of what happens, and whether they take it. */
export function WebhooksPage() {
  const { page = 1 } = useSearch({ from: path })
  const navigate = useNavigate({ from: path })
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(
    ['webhooks', page],
    () => rollcall.webhooks.list({ perPage: webhooksPerPage }).page(page),
    briskMs,
  )
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Webhooks
        </Title>
        <AddEndpoint />
      </Group>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : data.data.length === 0 ? (
        <Empty title="Nobody is told yet">
          Add an address of yours, and it hears of what happens in your rooms: signed, in order, and again until it
          answers.
        </Empty>
      ) : (
        <EndpointTable endpoints={data.data} />
      )}
      {data !== undefined && (
        <Pages
          page={page}
          lastPage={data.pageInfo.lastPage}
          onPage={(to) => navigate({ search: to === 1 ? {} : { page: to } })}
        />
      )}
    </Stack>
  )
}

function EndpointTable({ endpoints }: { endpoints: WebhookEndpoint[] }) {
  return (
    <WideTable label="Endpoints">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Address</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th className={foldedColumn}>Events</Table.Th>
          <Table.Th className={foldedColumn}>Rooms</Table.Th>
          <Table.Th className={foldedColumn}>Added</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {endpoints.map((endpoint) => {
          const { id, endPoint, events, roomId, createdAt } = endpoint
          return (
            <Table.Tr key={id}>
              <Table.Td className={classes.address}>
                <Link to="/webhooks/$webhookId" params={{ webhookId: id }}>
                  {endPoint}
                </Link>
              </Table.Td>
              <Table.Td>
                <EndpointState endpoint={endpoint} />
              </Table.Td>
              <Table.Td className={foldedColumn}>
                <Text size="sm">{events.join(', ')}</Text>
              </Table.Td>
              <Table.Td className={foldedColumn}>
                <Text size="sm">{roomId ?? 'all'}</Text>
              </Table.Td>
              <Table.Td className={foldedColumn}>
                <Time at={createdAt} />
              </Table.Td>
            </Table.Tr>
          )
        })}
      </Table.Tbody>
    </WideTable>
  )
}

function AddEndpoint() {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const [added, setAdded] = useState<WebhookEndpoint>()
  const { failure, busy, submit } = useSubmit(async (form) =>
    setAdded(await rollcall.webhooks.create(readEndpoint(form))),
  )
  const leave = () => {
    setAdded(undefined)
    close()
  }
  return (
    <>
      <Button onClick={open}>Add an endpoint</Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={added === undefined ? 'Add an endpoint' : 'The endpoint is there'}
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {added?.secret === undefined ? (
          <form onSubmit={submit}>
            <Stack>
              <EndpointFields failure={failure} />
              <Button type="submit" loading={busy}>
                Add
              </Button>
            </Stack>
          </form>
        ) : (
          <Stack>
            <Secret label="Secret" value={added.secret}>
              This is its secret, with which you check <Code>webhook-signature</Code>.
            </Secret>
            <Link to="/webhooks/$webhookId" params={{ webhookId: added.id }} className={classes.plain}>
              To its page, to send a test
            </Link>
          </Stack>
        )}
      </Modal>
    </>
  )
}
