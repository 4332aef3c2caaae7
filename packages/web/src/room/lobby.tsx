import { Alert, Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import type { Devices } from './devices.ts'
import type { Invitation } from './invitation.ts'
import { createMeter } from './meter.ts'
import type { Begin } from './peer.ts'
import classes from './room.module.css'
import { Tile } from './tile.tsx'

/** Before the room: who one is, and how one looks. */
export function Lobby({
  invitation,
  name: first,
  devices,
  onJoin,
}: {
  invitation: Invitation
  name: string
  devices: Devices | undefined
  onJoin: (name: string, begin: Begin) => void
}) {
  const [name, setName] = useState(first)
  const [begin, setBegin] = useState<Begin>({ audio: true, video: true })
  const stream = useMemo(() => devices?.video && new MediaStream([devices.video]), [devices])
  const isTalking = useTalking(begin.audio ? devices?.audio : undefined)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onJoin(name.trim(), {
      audio: begin.audio && devices?.audio !== undefined,
      video: begin.video && devices?.video !== undefined,
    })
  }
  return (
    <main className={classes.center}>
      <form className={classes.lobby} onSubmit={submit}>
        <Stack>
          <div>
            <Title order={1} size="h2">
              Join the room
            </Title>
            <Text c="dimmed">{invitation.roomName ?? invitation.roomId}</Text>
          </div>
          <div className={classes.preview} style={{ display: 'grid' }}>
            <Tile
              name={name || 'You'}
              stream={stream}
              isSeen={stream !== undefined && begin.video}
              isHeard={devices?.audio !== undefined && begin.audio}
              isTalking={isTalking}
              isMirrored
              isMe
            />
          </div>
          {devices?.failure !== undefined && (
            <Alert color="orange" variant="outline" role="status">
              {devices.failure}
            </Alert>
          )}
          <Group grow>
            <Button
              variant="default"
              aria-pressed={begin.audio}
              disabled={devices?.audio === undefined}
              onClick={() => setBegin({ ...begin, audio: !begin.audio })}
            >
              Microphone {begin.audio && devices?.audio !== undefined ? 'on' : 'off'}
            </Button>
            <Button
              variant="default"
              aria-pressed={begin.video}
              disabled={devices?.video === undefined}
              onClick={() => setBegin({ ...begin, video: !begin.video })}
            >
              Camera {begin.video && devices?.video !== undefined ? 'on' : 'off'}
            </Button>
          </Group>
          <TextInput
            label="Your name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={100}
            required
            readOnly={invitation.isNamed}
            description={
              invitation.isNamed
                ? 'Your invite says it: nobody else comes in under it.'
                : 'The others see that you typed it yourself.'
            }
            autoComplete="name"
          />
          <Button type="submit" size="md" loading={devices === undefined}>
            Join
          </Button>
          <Text size="sm" c="dimmed">
            That you are here, and from when to when, is recorded. Pictures and sound go from browser to browser, and
            are not.
          </Text>
        </Stack>
      </form>
    </main>
  )
}

function useTalking(track: MediaStreamTrack | undefined): boolean {
  const [isTalking, setTalking] = useState(false)
  useEffect(() => {
    const meter = createMeter(track)
    const timer = setInterval(() => setTalking(meter.isTalking()), 200)
    return () => {
      clearInterval(timer)
      meter.stop()
      setTalking(false)
    }
  }, [track])
  return isTalking
}
