import { Button } from '@mantine/core'
import type { ListedRoom } from '@rollcall/client'
import { Link } from '@tanstack/react-router'
import { ConfirmButton } from '../confirm-button.tsx'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { Actions } from '../wide-table.tsx'
import { Invite } from './invite.tsx'
import { KeptOut } from './kept-out.tsx'
import { MoreActions } from './more.tsx'

/** What can be done about one room. */
export function RoomActions({
  room: { roomId, disabled, lockedAt, retentionDays },
  name,
  onChanged,
}: {
  room: {
    roomId: string
    disabled: boolean
    lockedAt: ListedRoom['lockedAt']
    retentionDays: ListedRoom['retentionDays']
  }
  name: string
  onChanged: () => void
}) {
  const { rollcall } = useSignedIn()
  const may = useMay()
  const then = (run: () => Promise<unknown>) => async () => {
    await run()
    onChanged()
  }
  const more = may.administer && <MoreActions room={{ roomId, retentionDays }} name={name} onChanged={onChanged} />
  if (disabled) {
    return may.run ? (
      <Actions areMany>
        <ConfirmButton
          size="compact-sm"
          label="Open again"
          ariaLabel={`Open ${name} again`}
          question="People can join this room again, also by links that they have from before and that are still good."
          run={then(() => rollcall.rooms.activate(roomId))}
        />
        {more}
      </Actions>
    ) : null
  }
  const isLocked = lockedAt !== undefined
  return (
    <Actions areMany>
      {may.seeAll && (
        <Button
          size="compact-sm"
          variant="default"
          component={Link}
          to={`/schedules?room=${encodeURIComponent(roomId)}`}
          aria-label={`Schedules of ${name}`}
        >
          Schedules
        </Button>
      )}
      {may.run && (
        <>
          <Invite roomId={roomId} name={name} />
          <KeptOut roomId={roomId} name={name} />
          <ConfirmButton
            size="compact-sm"
            label={isLocked ? 'Unlock' : 'Lock'}
            ariaLabel={`${isLocked ? 'Unlock' : 'Lock'} ${name}`}
            question={
              isLocked
                ? 'Whoever has a good link can come in again.'
                : 'Nobody new comes in until it is unlocked, here or by a host inside. Whoever is inside stays and may come back, and hosts come in.'
            }
            run={then(() => rollcall.rooms.lock(roomId, !isLocked))}
          />
          <ConfirmButton
            size="compact-sm"
            label="Deactivate"
            ariaLabel={`Deactivate ${name}`}
            question="Nobody can join this room any more, and what runs in it ends at once. Its record stays, and the room can be opened again here."
            run={then(() => rollcall.rooms.deactivate(roomId))}
          />
        </>
      )}
      {more}
    </Actions>
  )
}
