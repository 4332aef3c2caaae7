import { Button, Center, Loader } from '@mantine/core'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { type Devices, openDevices } from './room/devices.ts'
import { type Invitation, keepName, type LinkFault, readInside, readInvitation } from './room/invitation.ts'
import { Lobby } from './room/lobby.tsx'
import { type Meeting, startMeeting } from './room/meeting.ts'
import { Message } from './room/message.tsx'
import type { Begin } from './room/peer.ts'
import { Stage } from './room/stage.tsx'
import { Theme } from './theme.tsx'

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root')
const page = createRoot(root)
page.render(
  <Theme>
    <Center h="100dvh">
      <Loader aria-label="Opening the link" />
    </Center>
  </Theme>,
)
const invitation = await readInvitation()
page.render(
  <Theme>{typeof invitation === 'string' ? <Fault fault={invitation} /> : <Room invitation={invitation} />}</Theme>,
)
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
    if (!invitation.isNamed) keepName(roomId, chosen)
    setName(chosen)
    setMeeting(startMeeting(invitation, chosen, devices, begin))
  }
  const goBack = () => {
    setBefore(undefined)
    setMeeting(undefined)
    setDevices(undefined)
  }
  if (meeting === undefined || devices === undefined) {
    return <Lobby invitation={invitation} name={name} devices={devices} onJoin={join} />
  }
  return <Stage meeting={meeting} invitation={invitation} name={name} devices={devices} onReturn={goBack} />
}

const faults: { [fault in LinkFault]: { title: string; text: string } } = {
  'not whole': {
    title: 'This link is not whole',
    text: 'A room is opened by an invite link, with everything that follows its #. Ask whoever sent it for another.',
  },
  'not good': {
    title: 'This link is not good, or no longer',
    text: 'It was mistyped, it is too old, or it was taken back. Ask whoever sent it for another.',
  },
  unreachable: {
    title: 'The server did not answer',
    text: 'Your network may be away, or the server is busy. Your link is as good as before: try again in a moment.',
  },
}

function Fault({ fault }: { fault: LinkFault }) {
  return (
    <Message {...faults[fault]}>
      {fault === 'unreachable' && <Button onClick={() => location.reload()}>Try again</Button>}
    </Message>
  )
}
