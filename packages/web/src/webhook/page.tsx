import { Button, Code, Group, Modal, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { WebhookEndpoint } from '@rollcall/client'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { BackLink } from '../back-link.tsx'
import { ConfirmButton } from '../confirm-button.tsx'
import { Fact, Facts } from '../facts.tsx'
import { Found } from '../found.tsx'
import { briskMs, useLive } from '../live.ts'
import { Secret } from '../secret.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { Failure, Missing } from '../states.tsx'
import { useSubmit } from '../submit.ts'
import { Time } from '../time.tsx'
import { EndpointFields, readEndpoint } from '../webhooks/fields.tsx'
import { EndpointState } from '../webhooks/state.tsx'
import { Deliveries } from './deliveries.tsx'
import classes from './webhook.module.css'

const path = '/webhooks/$webhookId'

/** One endpoint, and what was sent there. */
export function WebhookPage() {
  const { webhookId } = useParams({ from: path })
  const { rollcall } = useSignedIn()
  const result = useLive(['webhook', webhookId], () => rollcall.webhooks.get(webhookId), briskMs)
  const missing = (
    <Missing what="endpoint">
      <Link to="/webhooks">All endpoints</Link>
    </Missing>
  )
  return (
    <Found result={result} missing={missing}>
      {(endpoint) => (
        <>
          <Head endpoint={endpoint} refetch={result.refetch} />
          <EndpointFacts endpoint={endpoint} />
          <Deliveries endpoint={endpoint} />
        </>
      )}
    </Found>
  )
}

function Head({ endpoint, refetch }: { endpoint: WebhookEndpoint; refetch: () => void }) {
  const { rollcall } = useSignedIn()
  const navigate = useNavigate()
  const { id, endPoint, enabled } = endpoint
  const [failure, setFailure] = useState<Error>()
  const [secret, setSecret] = useState<string>()
  const run = async (work: () => Promise<unknown>) => {
    setFailure(undefined)
    try {
      await work()
      refetch()
    } catch (error) {
      setFailure(error as Error)
    }
  }
  return (
    <Stack gap="xs">
      <BackLink to="/webhooks">All endpoints</BackLink>
      <div>
        <Title order={1} size="h2" className={classes.anywhere ?? ''}>
          {endPoint}
        </Title>
        <Text c="dimmed" size="sm" className={classes.anywhere ?? ''}>
          endpoint {id}
        </Text>
      </div>
      <Group gap="xs">
        <Button onClick={() => run(() => rollcall.webhooks.test(id))} disabled={!enabled}>
          Send a test
        </Button>
        <Change endpoint={endpoint} onChanged={refetch} />
        <Button variant="default" onClick={() => run(() => rollcall.webhooks.update(id, { enabled: !enabled }))}>
          {enabled ? 'Disable' : 'Enable'}
        </Button>
        <ConfirmButton
          label="New secret"
          question="A new secret is made, and shown once. For a day webhooks are signed with the old one too."
          run={async () => {
            setSecret((await rollcall.webhooks.rotateSecret(id)).secret)
            refetch()
          }}
        />
        <ConfirmButton
          label="Delete"
          question="Nothing is sent to this address any more, also of what is pending."
          run={async () => {
            await rollcall.webhooks.delete(id)
            navigate({ to: '/webhooks' })
          }}
        />
      </Group>
      {failure !== undefined && <Failure error={failure} />}
      <Modal
        opened={secret !== undefined}
        onClose={() => setSecret(undefined)}
        title="The new secret"
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Stack>
          {secret !== undefined && (
            <Secret label="Secret" value={secret}>
              This is its secret, with which you check <Code>webhook-signature</Code>.
            </Secret>
          )}
        </Stack>
      </Modal>
    </Stack>
  )
}

function Change({ endpoint, onChanged }: { endpoint: WebhookEndpoint; onChanged: () => void }) {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const { failure, busy, submit } = useSubmit(async (form) => {
    await rollcall.webhooks.update(endpoint.id, readEndpoint(form))
    close()
    onChanged()
  })
  return (
    <>
      <Button variant="default" onClick={open}>
        Change
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title="Change the endpoint"
        centered
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <form onSubmit={submit}>
          <Stack>
            <EndpointFields endpoint={endpoint} failure={failure} />
            <Button type="submit" loading={busy}>
              Save
            </Button>
          </Stack>
        </form>
      </Modal>
    </>
  )
}

function EndpointFacts({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { events, roomId, createdAt, previousSecretUntil } = endpoint
  return (
    <Facts>
      <Fact name="State">
        <EndpointState endpoint={endpoint} />
      </Fact>
      <Fact name="Events">{events.join(', ')}</Fact>
      <Fact name="Rooms">
        {roomId === null ? (
          'all'
        ) : (
          <Link to="/" search={{ room: roomId }} className={classes.plain}>
            {roomId}
          </Link>
        )}
      </Fact>
      <Fact name="Added">
        <Time at={createdAt} />
      </Fact>
      {previousSecretUntil !== null && (
        <Fact name="Old secret good until">
          <Time at={previousSecretUntil} />
        </Fact>
      )}
    </Facts>
  )
}
