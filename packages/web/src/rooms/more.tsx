import { Button, Menu } from '@mantine/core'
import { useState } from 'react'
import { ConfirmDialog } from '../confirm-button.tsx'
import { RetentionDialog } from '../retention/dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'

/** What is done about a room rarely: how long it is kept, and its end. */
export function MoreActions({
  room: { roomId, retentionDays },
  name,
  onChanged,
}: {
  room: { roomId: string; retentionDays: number | undefined }
  name: string
  onChanged: () => void
}) {
  const { rollcall } = useSignedIn()
  const [asked, setAsked] = useState<'retention' | 'erasure'>()
  const close = () => setAsked(undefined)
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="compact-sm" variant="default" aria-label={`More about ${name}`}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked('retention')}>How long it is kept …</Menu.Item>
          <Menu.Item onClick={() => setAsked('erasure')}>Erase …</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RetentionDialog
        title={`How long sessions of ${name} are kept`}
        days={retentionDays}
        otherwise="as it is said for all rooms, on the page Keys"
        save={async (days) => {
          await rollcall.rooms.keepFor(roomId, days)
          onChanged()
        }}
        opened={asked === 'retention'}
        onClose={close}
      />
      <ConfirmDialog
        label={`Erase ${name}`}
        question="The room goes for good, with all its sessions: who was inside, from when to when, and its invites, schedules and webhooks. It is counted no longer, and cannot be had back. Whoever uses the name again has a new room."
        typed={name}
        run={async () => {
          await rollcall.rooms.erase(roomId)
          onChanged()
        }}
        opened={asked === 'erasure'}
        onClose={close}
      />
    </>
  )
}
