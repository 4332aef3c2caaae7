import { Alert, Button, Center, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { useMemo, useSyncExternalStore } from 'react'
import type { Devices } from './devices.ts'
import type { Invitation } from './invitation.ts'
import type { Meeting, MeetingView } from './meeting.ts'
import classes from './room.module.css'
import { Tile } from './tile.tsx'

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
      <main className={classes.center}>
        <Stack align="center" ta="center" maw={440}>
          <Title order={1} size="h2">
            {title}
          </Title>
          <Text c="dimmed">{text}</Text>
          {mayReturn && <Button onClick={onReturn}>Join again</Button>}
        </Stack>
      </main>
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
  return (
    <main className={classes.page}>
      <h1 style={{ position: 'absolute', clipPath: 'inset(50%)' }}>Room {invitation.roomId}</h1>
      <Notes view={view} meeting={meeting} mayAdmit={invitation.permissions.has('allow_join')} />
      <People
        view={view}
        meeting={meeting}
        name={name}
        devices={devices}
        mayModerate={invitation.permissions.has('allow_mod')}
      />
      <Controls view={view} meeting={meeting} devices={devices} />
    </main>
  )
}

function Notes({ view, meeting, mayAdmit }: { view: MeetingView; meeting: Meeting; mayAdmit: boolean }) {
  const { state, asking, notice } = view
  return (
    <div className={classes.notes} aria-live="polite">
      {state === 'reconnecting' && (
        <Alert color="orange" variant="outline" role="status">
          The connection is away; coming back …
        </Alert>
      )}
      {notice !== undefined && (
        <Alert color="indigo" variant="outline" role="status">
          {notice}
        </Alert>
      )}
      {mayAdmit &&
        asking.map(({ participantId, name }) => (
          <Alert key={participantId} color="indigo" variant="outline">
            <Group justify="space-between">
              <Text>{name} asks to come in</Text>
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

function People({
  view,
  meeting,
  name,
  devices,
  mayModerate,
}: {
  view: MeetingView
  meeting: Meeting
  name: string
  devices: Devices
  mayModerate: boolean
}) {
  const own = useMemo(() => devices.video && new MediaStream([devices.video]), [devices])
  const { people, shown, isTalking } = view
  return (
    <div className={classes.grid}>
      <Tile
        name={name || 'You'}
        stream={own}
        isSeen={own !== undefined && shown.video}
        isHeard={shown.audio}
        isTalking={isTalking}
        isMirrored
        isMe
      />
      {people.map(({ participantId, name, stream, shown, isTalking, state }) => (
        <Tile
          key={participantId}
          name={name}
          stream={stream}
          isSeen={shown.video || shown.screen}
          isHeard={shown.audio}
          isTalking={isTalking}
          isScreen={shown.screen}
          state={state}
        >
          {mayModerate && (
            <>
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Mute ${name}`}
                onClick={() => meeting.mute(participantId)}
              >
                Mute
              </Button>
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Remove ${name}`}
                onClick={() => meeting.remove(participantId)}
              >
                Remove
              </Button>
            </>
          )}
        </Tile>
      ))}
      {people.length === 0 && (
        <Center>
          <Text c="dimmed">Nobody else is here yet.</Text>
        </Center>
      )}
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
