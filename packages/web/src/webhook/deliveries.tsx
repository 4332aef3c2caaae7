import { Button, Code, Group, Modal, SegmentedControl, Stack, Table, Text, Title } from '@mantine/core'
import type { DeliveryState, WebhookDelivery, WebhookEndpoint } from '@rollcall/client'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { formatNumber } from '../formats.ts'
import { briskMs, useLive } from '../live.ts'
import { Pages } from '../pages.tsx'
import { given } from '../search.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { Time } from '../time.tsx'
import { Actions, ActionsHead, Folded, foldedColumn, WideTable } from '../wide-table.tsx'
import { deliveriesPerPage, deliveryStates, type WebhookSearch } from './search.ts'
import classes from './webhook.module.css'

const path = '/webhooks/$webhookId'
const names: { [state in DeliveryState]: string } = { pending: 'Pending', delivered: 'Delivered', parked: 'Parked' }

/** What was sent to an endpoint or is to be, what became of it, and sending it again. */
export function Deliveries({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { id, enabled } = endpoint
  const { state, page = 1 } = useSearch({ from: path })
  const navigate = useNavigate({ from: path })
  const { rollcall } = useSignedIn()
  const [told, setTold] = useState<string>()
  const [failure, setFailure] = useState<Error>()
  const [openedId, setOpenedId] = useState<string>()
  const { data, error, refetch } = useLive(
    ['deliveries', id, state, page],
    () => rollcall.webhooks.deliveries(id, { perPage: deliveriesPerPage, ...given({ state }) }).page(page),
    briskMs,
  )
  const go = (search: WebhookSearch) => navigate({ search, replace: true })
  const replay = async (which: Parameters<typeof rollcall.webhooks.replay>[1]) => {
    const count = await rollcall.webhooks.replay(id, which)
    setTold(count === 1 ? 'One is sent again.' : `${formatNumber(count)} are sent again.`)
    refetch()
  }
  const replayOne = (deliveryId: string) => {
    setFailure(undefined)
    replay(deliveryId).catch(setFailure)
  }
  const opened = data?.data.find((one) => one.id === openedId)
  return (
    <section aria-labelledby="deliveries">
      <Tools
        state={state}
        canReplay={enabled}
        onState={(chosen) => go(given({ state: chosen }))}
        replayFailed={() => replay({ failed: true })}
      />
      <Text size="sm" role="status" c="dimmed">
        {told}
      </Text>
      {failure !== undefined && <Failure error={failure} />}
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading />
      ) : data.data.length === 0 ? (
        <Empty title={state === undefined ? 'Nothing was sent yet' : `Nothing is ${state}`}>
          {state === undefined && 'What happens from now on is sent here. A test shows whether it arrives.'}
        </Empty>
      ) : (
        <List deliveries={data.data} canReplay={enabled} onOpen={setOpenedId} onReplay={replayOne} />
      )}
      {data !== undefined && (
        <Pages
          page={page}
          lastPage={data.pageInfo.lastPage}
          onPage={(to) => go(given({ state, page: to === 1 ? undefined : to }))}
        />
      )}
      <Modal
        opened={opened !== undefined}
        onClose={() => setOpenedId(undefined)}
        title={opened?.webhookType}
        size="lg"
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {opened !== undefined && <Details delivery={opened} />}
      </Modal>
    </section>
  )
}

function Tools({
  state,
  canReplay,
  onState,
  replayFailed,
}: {
  state: DeliveryState | undefined
  canReplay: boolean
  onState: (state: DeliveryState | undefined) => void
  replayFailed: () => Promise<void>
}) {
  return (
    <Group justify="space-between" mb="sm">
      <Title order={2} size="h4" id="deliveries">
        Deliveries
      </Title>
      <Group gap="xs">
        <SegmentedControl
          aria-label="State"
          value={state ?? 'all'}
          onChange={(value) => onState(value === 'all' ? undefined : (value as DeliveryState))}
          data={[{ value: 'all', label: 'All' }, ...deliveryStates.map((value) => ({ value, label: names[value] }))]}
        />
        <ConfirmButton
          label="Send failed ones again"
          question="All that was sent and never taken is sent again, each under the id that it had."
          disabled={!canReplay}
          run={replayFailed}
        />
      </Group>
    </Group>
  )
}

function List({
  deliveries,
  canReplay,
  onOpen,
  onReplay,
}: {
  deliveries: WebhookDelivery[]
  canReplay: boolean
  onOpen: (deliveryId: string) => void
  onReplay: (deliveryId: string) => void
}) {
  return (
    <WideTable label="Deliveries" verticalSpacing="xs" leastWidth={760}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Webhook</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th className={foldedColumn}>Attempts</Table.Th>
          <Table.Th className={foldedColumn}>Last answer</Table.Th>
          <Table.Th className={foldedColumn}>Took</Table.Th>
          <Table.Th className={foldedColumn}>Due</Table.Th>
          <ActionsHead />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {deliveries.map((delivery) => (
          <Row
            key={delivery.id}
            delivery={delivery}
            canReplay={canReplay}
            onOpen={() => onOpen(delivery.id)}
            onReplay={() => onReplay(delivery.id)}
          />
        ))}
      </Table.Tbody>
    </WideTable>
  )
}

function Row({
  delivery,
  canReplay,
  onOpen,
  onReplay,
}: {
  delivery: WebhookDelivery
  canReplay: boolean
  onOpen: () => void
  onReplay: () => void
}) {
  const { webhookType, sessionId, state, attempts, nextAttemptAt, createdAt, lastStatus, lastError, lastDurationMs } =
    delivery
  return (
    <Table.Tr>
      <Table.Td>
        <Text fw={600} size="sm">
          {webhookType}
        </Text>
        {sessionId !== null && (
          <Link to="/sessions/$sessionId" params={{ sessionId }} className={classes.session}>
            its session
          </Link>
        )}
        <Folded>
          <div>
            Due <Time at={createdAt} />
          </div>
          <div>Attempts: {attempts}</div>
          <div>Last answer: {lastError ?? lastStatus ?? '–'}</div>
        </Folded>
      </Table.Td>
      <Table.Td>
        <State state={state as DeliveryState} />
        {nextAttemptAt !== null && attempts > 0 && (
          <Text size="xs" c="dimmed">
            again at <Time at={nextAttemptAt} as="clock" />
          </Text>
        )}
      </Table.Td>
      <Table.Td className={`numeric ${foldedColumn}`}>{attempts}</Table.Td>
      <Table.Td className={`${classes.answer} ${foldedColumn}`}>{lastError ?? lastStatus ?? '–'}</Table.Td>
      <Table.Td className={`numeric ${foldedColumn}`}>
        {lastDurationMs === null ? '–' : `${formatNumber(lastDurationMs)} ms`}
      </Table.Td>
      <Table.Td className={foldedColumn}>
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td>
        <Actions>
          <Button size="compact-sm" variant="default" onClick={onOpen} aria-label={`Details of ${webhookType}`}>
            Details
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            onClick={onReplay}
            disabled={!canReplay}
            aria-label={`Send again: ${webhookType}`}
          >
            Send again
          </Button>
        </Actions>
      </Table.Td>
    </Table.Tr>
  )
}

function State({ state }: { state: DeliveryState }) {
  if (state === 'delivered') return <span className="live-text">{names.delivered}</span>
  return (
    <Text span size="sm" fw={600} {...(state === 'parked' && { c: 'var(--mantine-color-error)' })}>
      {names[state]}
    </Text>
  )
}

function Details({ delivery }: { delivery: WebhookDelivery }) {
  const { id, lastAttemptAt, lastError, lastResponse, body } = delivery
  return (
    <Stack gap="sm">
      <Part name="webhook-id">
        <Code>{id}</Code>
      </Part>
      {lastAttemptAt !== null && (
        <Part name="Last attempt">
          <Time at={lastAttemptAt} />
        </Part>
      )}
      {lastError !== null && <Part name="Why it did not count">{lastError}</Part>}
      {lastResponse !== null && (
        <Part name="The answer, as far as it is kept">
          <Code block className={classes.text ?? ''} tabIndex={0}>
            {lastResponse === '' ? '(empty)' : lastResponse}
          </Code>
        </Part>
      )}
      <Part name="What is sent">
        <Code block className={classes.text ?? ''} tabIndex={0}>
          {JSON.stringify(JSON.parse(body), null, 2)}
        </Code>
      </Part>
    </Stack>
  )
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <div className={classes.anywhere}>{children}</div>
    </div>
  )
}
