import { Group, Text } from '@mantine/core'
import type { NameSource } from '@rollcall/client'
import { type ReactNode, useEffect, useRef } from 'react'
import classes from './room.module.css'

/** Somebody in the room: their picture, or their initials. */
export function Tile({
  name,
  nameSource,
  stream,
  isSeen,
  isHeard = true,
  isTalking = false,
  isSpeaker = false,
  isHost = false,
  isMirrored = false,
  isMe = false,
  state,
  children,
}: {
  name: string
  nameSource?: NameSource | undefined
  stream: MediaStream | undefined
  isSeen: boolean
  isHeard?: boolean
  isTalking?: boolean
  /** Talked last. */
  isSpeaker?: boolean
  isHost?: boolean
  isMirrored?: boolean
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
    <figure
      className={classes.tile}
      data-talking={isTalking || undefined}
      data-speaker={isSpeaker || undefined}
      aria-label={name}
    >
      <video ref={video} autoPlay playsInline muted={isMe} hidden={!isSeen} data-mirrored={isMirrored || undefined} />
      {!isSeen && (
        <span className={classes.initials} aria-hidden="true">
          {initialsOf(name)}
        </span>
      )}
      <figcaption className={classes.caption}>
        <Text span size="sm" lineClamp={2}>
          {name}
          {isMe && ' (you)'}
          {isHost && ' · host'}
          {isTalking && ' · speaking'}
          {isConnecting && ' · connecting'}
        </Text>
        {nameSource === 'alike' && <span className={classes.alike}>{alikeText}</span>}
        {!isHeard && <span className={classes.muted}>muted</span>}
      </figcaption>
      {children !== undefined && <Group className={classes.tools ?? ''}>{children}</Group>}
    </figure>
  )
}

/** Of somebody whose name is another's, too. */
export const alikeText = 'typed this name: somebody else has it'

function initialsOf(name: string): string {
  const [first = '?', ...rest] = name.trim().split(/\s+/)
  return (first.charAt(0) + (rest.at(-1)?.charAt(0) ?? '')).toUpperCase()
}
