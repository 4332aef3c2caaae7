import { Button, Group, Modal, NativeSelect, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ShareWithUrl } from '@rollcall/client'
import { useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { calmMs, useLive } from '../live.ts'
import { Secret } from '../secret.tsx'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { Time } from '../time.tsx'

const daySeconds = 24 * 3600
const times = [1, 7, 30, 365].map((days) => ({
  value: String(days * daySeconds),
  label: days === 1 ? 'a day' : `${days} days`,
}))

/** Shares the report of a session or a person by a link, and takes back what was shared. */
export function ShareButton({ of }: { of: { sessionId: string } | { personId: string } }) {
  const may = useMay()
  const [opened, { open, close }] = useDisclosure()
  if (!may.administer) return null
  return (
    <>
      <Button variant="default" onClick={open}>
        Share
      </Button>
      {opened && (
        <Modal opened onClose={close} title="Share this report" centered closeButtonProps={{ 'aria-label': 'Close' }}>
          <ShareForm of={of} />
        </Modal>
      )}
    </>
  )
}

function ShareForm({ of }: { of: { sessionId: string } | { personId: string } }) {
  const { rollcall } = useSignedIn()
  const [made, setMade] = useState<ShareWithUrl>()
  const { data, refetch } = useLive(['shares'], () => rollcall.shares.list(), calmMs)
  const { failure, busy, submit } = useSubmit(async (form) => {
    setMade(await rollcall.shares.create({ ...of, expiresInSeconds: Number(textOf(form, 'time')) }))
    await refetch()
  })
  const shared = data?.filter(({ sessionId, personId }) =>
    'sessionId' in of ? sessionId === of.sessionId : personId === of.personId,
  )
  return (
    <Stack>
      {made !== undefined ? (
        <Secret label="Link" value={made.url}>
          Whoever has this link reads this report, and nothing else.
        </Secret>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm">Whoever has the link reads this report without signing in, and nothing else.</Text>
            <NativeSelect name="time" label="It may be opened for" data={times} defaultValue={String(7 * daySeconds)} />
            <WhatWentWrong>{failure}</WhatWentWrong>
            <Button type="submit" loading={busy}>
              Make a link
            </Button>
          </Stack>
        </form>
      )}
      {shared?.map(({ shareId, expiresAt, createdBy }) => (
        <Group key={shareId} justify="space-between" wrap="nowrap">
          <Text size="sm">
            A link{createdBy !== null && ` of ${createdBy}`}, until <Time at={expiresAt} />
          </Text>
          <ConfirmButton
            size="xs"
            label="Take back"
            question="That link opens nothing from now on."
            run={async () => {
              await rollcall.shares.delete(shareId)
              await refetch()
            }}
          />
        </Group>
      ))}
    </Stack>
  )
}
