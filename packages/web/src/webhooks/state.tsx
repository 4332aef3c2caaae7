import { Badge, Text } from '@mantine/core'
import type { WebhookEndpoint } from '@rollcall/client'
import { Time } from '../time.tsx'

/** Whether an endpoint takes what is sent there, and why not. */
export function EndpointState({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { enabled, disabledReason, failingSince } = endpoint
  if (!enabled) {
    return (
      <>
        <Badge variant="default" tt="none">
          Disabled
        </Badge>
        <Text size="xs" c="dimmed">
          {disabledReason}
        </Text>
      </>
    )
  }
  if (failingSince === null) return <span className="live-text">Enabled</span>
  return (
    <>
      <Text fw={600} size="sm" c="var(--mantine-color-error)">
        Failing
      </Text>
      <Text size="xs" c="dimmed">
        since <Time at={failingSince} />
      </Text>
    </>
  )
}
