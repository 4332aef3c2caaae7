import { Stack, Text, Title } from '@mantine/core'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { type Devices, openDevices } from './room/devices.ts'
import { type Invitation, keepName, readInside, readInvitation } from './room/invitation.ts'
import { Lobby } from './room/lobby.tsx'
import { type Meeting, startMeeting } from './room/meeting.ts'
import type { Begin } from './room/peer.ts'
import classes from './room/room.module.css'
import { Stage } from './room/stage.tsx'
import { Theme } from './theme.tsx'

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root')
const invitation = readInvitation()
createRoot(root).render(<Theme>{invitation === undefined ? <NoToken /> : <Room invitation={invitation} />}</Theme>)
// Another link for the same room is another page.
window.addEventListener('hashchange', () => location.reload())

function Room({ invitation }: { invitation: Invitation }) {
  const { roomId } = invitation
  const [devices, setDevices] = useState<Devices>()
  const [name, setName] = useState(invitation.name)
  const [meeting, setMeeting] = useState<Meeting>()
  const [before, setBefore] = useState(() => readInside(roomId))

  useEffect(() => {
    if (devices !== undefined) return
    openDevices().then((opened) => {
      setDevices(opened)
      // Whoever only loaded the page again is inside at once.
      if (before !== undefined) {
        const begin = {
          audio: before.audio && opened.audio !== undefined,
          video: before.video && opened.video !== undefined,
        }
        setMeeting(startMeeting(invitation, invitation.name, opened, begin))
      }
    })
  }, [devices, before, invitation])

  const join = (chosen: string, begin: Begin) => {
    if (devices === undefined) return
    keepName(roomId, chosen)
    setName(chosen)
    setMeeting(startMeeting(invitation, chosen, devices, begin))
  }
  const goBack = () => {
    setBefore(undefined)
    setMeeting(undefined)
    setDevices(undefined)
  }
  if (meeting === undefined || devices === undefined) {
    return <Lobby roomId={roomId} name={name} devices={devices} onJoin={join} />
  }
  return <Stage meeting={meeting} invitation={invitation} name={name} devices={devices} onReturn={goBack} />
}

function NoToken() {
  return (
    <main className={classes.center}>
      <Stack maw={440} ta="center">
        <Title order={1} size="h2">
          This link is not whole
        </Title>
        <Text c="dimmed">
          A room is opened by an invite link, with everything that follows its #. Ask whoever sent it for another.
        </Text>
      </Stack>
    </main>
  )
}
