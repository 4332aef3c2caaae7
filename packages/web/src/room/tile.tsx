import { Group, Text } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'
import classes from './room.module.css'

/** Somebody in the room: their picture, or their initials. */
export function Tile({
  name,
  stream,
  isSeen,
  isHeard,
  isTalking = false,
  isMirrored = false,
  isScreen = false,
  isMe = false,
  state,
  children,
}: {
  name: string
  stream: MediaStream | undefined
  isSeen: boolean
  isHeard: boolean
  isTalking?: boolean
  isMirrored?: boolean
  isScreen?: boolean
  isMe?: boolean
  state?: RTCPeerConnectionState | undefined
  children?: ReactNode
}) {
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = stream ?? null
  }, [stream])
  const isConnecting = state !== undefined && state !== 'connected'
  return (
    <figure className={classes.tile} data-talking={isTalking || undefined} aria-label={name}>
      <video
        ref={video}
        autoPlay
        playsInline
        muted={isMe}
        hidden={!isSeen}
        data-mirrored={isMirrored || undefined}
        data-screen={isScreen || undefined}
      />
      {!isSeen && (
        <span className={classes.initials} aria-hidden="true">
          {initialsOf(name)}
        </span>
      )}
      <figcaption className={classes.caption}>
        <Text span size="sm" truncate>
          {name}
          {isMe && ' (you)'}
          {isScreen && ' · screen'}
          {isConnecting && ' · connecting'}
        </Text>
        {!isHeard && <span className={classes.muted}>muted</span>}
      </figcaption>
      {children !== undefined && <Group className={classes.tools ?? ''}>{children}</Group>}
    </figure>
  )
}

function initialsOf(name: string): string {
  const [first = '?', ...rest] = name.trim().split(/\s+/)
  return (first.charAt(0) + (rest.at(-1)?.charAt(0) ?? '')).toUpperCase()
}
