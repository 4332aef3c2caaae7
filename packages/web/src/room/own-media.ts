import type { Devices } from './devices.ts'
import { createMeter } from './meter.ts'
import type { Begin, Shown, Tracks } from './peer.ts'

/** What is shown of oneself: microphone, camera, screen. */
export type OwnMedia = {
  readonly shown: Shown
  readonly isTalking: boolean
  /** What is shared; undefined while nothing is. */
  readonly screen: MediaStreamTrack | undefined
  /** What is sent to the others. */
  tracks(): Tracks
  toggle(kind: 'audio' | 'video'): void
  /** Turns one off, or both. */
  mute(kind: 'audio' | 'video' | undefined): void
  /** Shares the screen, or ends that. Gives the reason where it could not be shared, in a sentence. */
  share(): Promise<string | undefined>
  /** Looks who is talking. True where that changed. */
  listen(): boolean
  stop(): void
}

/** @param applied called when something else is shown */
export function createOwnMedia(devices: Devices, begin: Begin, applied: () => void): OwnMedia {
  const meter = createMeter(devices.audio)
  let shown: Shown = { ...begin, screen: false }
  let screen: MediaStreamTrack | undefined
  let isTalking = false
  enable()

  function enable(): void {
    if (devices.audio !== undefined) devices.audio.enabled = shown.audio
    if (devices.video !== undefined) devices.video.enabled = shown.video
  }

  function show(change: Partial<Shown>): void {
    shown = { ...shown, ...change }
    enable()
    applied()
  }

  function stopSharing(): void {
    screen?.stop()
    screen = undefined
    show({ screen: false })
  }

  return {
    get shown() {
      return shown
    },
    get isTalking() {
      return isTalking
    },
    get screen() {
      return screen
    },
    tracks() {
      const video = shown.video ? devices.video : undefined
      return { audio: devices.audio ?? null, video: video ?? null, screen: screen ?? null }
    },
    toggle: (kind) => show({ [kind]: !shown[kind] && devices[kind] !== undefined }),
    mute: (kind) => show({ ...(kind !== 'video' && { audio: false }), ...(kind !== 'audio' && { video: false }) }),
    async share() {
      if (shown.screen) {
        stopSharing()
        return undefined
      }
      try {
        const stream = await navigator.mediaDevices.getDisplayMedia({ video: true })
        screen = stream.getVideoTracks()[0]
      } catch (error) {
        // Whoever closes the browser's own question changed their mind.
        return (error as DOMException).name === 'NotAllowedError' ? undefined : 'The screen could not be shared.'
      }
      screen?.addEventListener('ended', stopSharing)
      show({ screen: screen !== undefined })
      return undefined
    },
    listen() {
      const wasTalking = isTalking
      isTalking = shown.audio && meter.isTalking()
      return isTalking !== wasTalking
    },
    stop() {
      meter.stop()
      for (const track of [devices.audio, devices.video, screen]) track?.stop()
    },
  }
}
