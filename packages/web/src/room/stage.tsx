import { Alert, Button, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { useSyncExternalStore } from 'react'
import type { Devices } from './devices.ts'
import { HostBar, KeptOut } from './host-bar.tsx'
import type { Invitation } from './invitation.ts'
import type { Meeting, MeetingView } from './meeting.ts'
import { Message } from './message.tsx'
import { People } from './people.tsx'
import classes from './room.module.css'
import { alikeText } from './tile.tsx'

/** Inside the room, on the way in, or out of it again. */
export function Stage({
  meeting,
  invitation,
  name,
  devices,
  onReturn,
}: {
  meeting: Meeting
  invitation: Invitation
  name: string
  devices: Devices
  onReturn: () => void
}) {
  const view = useSyncExternalStore(meeting.subscribe, meeting.view)
  if (view.closed !== undefined) {
    const { title, text, mayReturn } = view.closed
    return (
      <Message title={title} text={text}>
        {mayReturn && <Button onClick={onReturn}>Join again</Button>}
      </Message>
    )
  }
  if (view.state === 'connecting' || view.state === 'waiting') {
    return (
      <main className={classes.center}>
        <Stack align="center" ta="center" role="status">
          <Loader aria-hidden="true" />
          <Title order={1} size="h3">
            {view.state === 'waiting' ? 'Somebody inside has to let you in' : 'On the way in'}
          </Title>
          <Button variant="default" onClick={meeting.leave}>
            Cancel
          </Button>
        </Stack>
      </main>
    )
  }
  const isHost = invitation.permissions.has('allow_mod')
  return (
    <main className={classes.page}>
      {view.state === 'reconnecting' && (
        <div className={classes.lost} role="alert">
          <strong>Connection to the server lost.</strong> Trying to come back … Until then nobody new sees or hears you.
        </div>
      )}
      <HostBar view={view} meeting={meeting} title={view.roomName ?? invitation.roomId} isHost={isHost} />
      <Notes view={view} meeting={meeting} mayAdmit={invitation.permissions.has('allow_join')} />
      {isHost && <KeptOut view={view} meeting={meeting} />}
      <People view={view} meeting={meeting} name={name} devices={devices} isHost={isHost} />
      <Controls view={view} meeting={meeting} devices={devices} />
    </main>
  )
}

function Notes({ view, meeting, mayAdmit }: { view: MeetingView; meeting: Meeting; mayAdmit: boolean }) {
  const { asking, notice } = view
  return (
    <div className={classes.notes} aria-live="polite">
      {notice !== undefined && (
        <Alert color="indigo" variant="outline" role="status">
          {notice}
        </Alert>
      )}
      {mayAdmit &&
        asking.map(({ participantId, name, nameSource }) => (
          <Alert key={participantId} color="indigo" variant="outline">
            <Group justify="space-between">
              <Text>
                {name} asks to come in{nameSource === 'alike' && ` (${alikeText})`}
              </Text>
              <Group gap="xs">
                <Button size="xs" onClick={() => meeting.admit(participantId)}>
                  Let in
                </Button>
                <Button size="xs" variant="default" onClick={() => meeting.deny(participantId)}>
                  Not now
                </Button>
              </Group>
            </Group>
          </Alert>
        ))}
    </div>
  )
}

function Controls({ view, meeting, devices }: { view: MeetingView; meeting: Meeting; devices: Devices }) {
  const { shown } = view
  return (
    <div className={classes.bar} role="toolbar" aria-label="Controls">
      <Button
        variant={shown.audio ? 'default' : 'filled'}
        aria-pressed={!shown.audio}
        disabled={devices.audio === undefined}
        onClick={() => meeting.toggle('audio')}
      >
        {shown.audio ? 'Mute' : 'Unmute'}
      </Button>
      <Button
        variant={shown.video ? 'default' : 'filled'}
        aria-pressed={!shown.video}
        disabled={devices.video === undefined}
        onClick={() => meeting.toggle('video')}
      >
        {shown.video ? 'Camera off' : 'Camera on'}
      </Button>
      {navigator.mediaDevices?.getDisplayMedia !== undefined && (
        <Button variant={shown.screen ? 'filled' : 'default'} aria-pressed={shown.screen} onClick={meeting.share}>
          {shown.screen ? 'Stop sharing' : 'Share screen'}
        </Button>
      )}
      <Button color="red.9" onClick={meeting.leave}>
        Leave
      </Button>
    </div>
  )
}
