import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { calmMs, useLive } from '../live.ts'
import { describeDays, RetentionDialog } from '../retention/dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { Failure } from '../states.tsx'

/** For how long the sessions of the owner are kept. */
export function Retention() {
  const { rollcall } = useSignedIn()
  const [opened, { open, close }] = useDisclosure()
  const { data, error, refetch } = useLive(['retention'], () => rollcall.retention.get(), calmMs)
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2} size="h4">
          How long sessions are kept
        </Title>
        {data !== undefined && (
          <Button variant="default" onClick={open} aria-label="Change how long sessions are kept">
            Change
          </Button>
        )}
      </Group>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data !== undefined && (
        <>
          <Text maw={640}>
            Sessions are {describeDays(data.keptDays)}
            {data.retentionDays === null && ', as this server has it'}. A room may have it otherwise, on the page Rooms.
          </Text>
          <RetentionDialog
            title="How long sessions are kept"
            days={data.retentionDays ?? undefined}
            otherwise={`as this server has it, ${describeDays(data.serverRetentionDays)}`}
            save={async (days) => {
              await rollcall.retention.set(days)
              refetch()
            }}
            opened={opened}
            onClose={close}
          />
        </>
      )}
    </Stack>
  )
}
