import { Text } from '@mantine/core'
import { useMemo } from 'react'
import type { Devices } from './devices.ts'
import { Grid } from './grid.tsx'
import type { Meeting, MeetingView } from './meeting.ts'
import type { Person } from './others.ts'
import { PersonTools } from './person-tools.tsx'
import classes from './room.module.css'
import { Tile } from './tile.tsx'

/** Everybody inside, and the screens that they show. */
export function People({
  view,
  meeting,
  name,
  devices,
  isHost,
}: {
  view: MeetingView
  meeting: Meeting
  name: string
  devices: Devices
  isHost: boolean
}) {
  const own = useMemo(() => devices.video && new MediaStream([devices.video]), [devices])
  const ownScreen = useMemo(() => view.screen && new MediaStream([view.screen]), [view.screen])
  const { people, shown, isTalking, me, speaker } = view
  const myName = (me?.name ?? name) || 'You'
  const showing = people.filter((one) => one.shown.screen)
  const screens = showing.length + (ownScreen === undefined ? 0 : 1)
  return (
    <div className={classes.stage} data-screens={screens > 0 || undefined}>
      {screens > 0 && (
        <Grid count={screens} className={classes.screens ?? ''}>
          {ownScreen !== undefined && <Tile name={`${myName}: screen`} stream={ownScreen} isSeen isMe />}
          {showing.map((one) => (
            <Tile key={one.participantId} name={`${one.name}: screen`} stream={one.screen} isSeen />
          ))}
        </Grid>
      )}
      <Grid count={people.length + 1} className={classes.cameras ?? ''}>
        <Tile
          name={myName}
          nameSource={me?.nameSource}
          stream={own}
          isSeen={own !== undefined && shown.video}
          isHeard={shown.audio}
          isTalking={isTalking}
          isSpeaker={speaker === 'me'}
          isHost={isHost}
          isMirrored
          isMe
        />
        {people.map((person) => (
          <Other key={person.participantId} person={person} meeting={meeting} view={view} isHost={isHost} />
        ))}
      </Grid>
      {people.length === 0 && (
        <Text c="dimmed" ta="center">
          Nobody else is here yet.
        </Text>
      )}
    </div>
  )
}

function Other({
  person,
  meeting,
  view,
  isHost,
}: {
  person: Person
  meeting: Meeting
  view: MeetingView
  isHost: boolean
}) {
  const { participantId, name, nameSource, stream, shown, isTalking, state } = person
  return (
    <Tile
      name={name}
      nameSource={nameSource}
      stream={stream}
      isSeen={shown.video}
      isHeard={shown.audio}
      isTalking={isTalking}
      isSpeaker={view.speaker === participantId}
      isHost={person.isHost}
      state={state}
    >
      {isHost && <PersonTools person={person} meeting={meeting} />}
    </Tile>
  )
}
