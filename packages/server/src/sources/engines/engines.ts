import type { SourceSettings, SourceType } from '@rollcall/protocol'
import type { Clock } from '../../runtime/clock.ts'
import type { GuardedFetch } from '../../runtime/guarded-fetch.ts'
import { bigbluebutton } from './bigbluebutton.ts'
import type { Engine } from './engine.ts'
import { generic } from './generic.ts'
import { createJanus } from './janus/janus.ts'
import { jitsi } from './jitsi.ts'
import { createLivekit } from './livekit/livekit.ts'
import { createPublicKeys } from './public-keys.ts'
import { createVideosdk } from './videosdk.ts'

export type Engines = { [type in SourceType]: Engine<SourceSettings[type]> }

export function createEngines(parts: { guardedFetch: GuardedFetch; clock: Clock }): Engines {
  return {
    livekit: createLivekit(),
    jitsi,
    janus: createJanus(),
    bigbluebutton,
    videosdk: createVideosdk(createPublicKeys(parts)),
    generic,
  }
}

/** The engine of a source, for settings that were checked by its type when they came. */
export function engineFor(engines: Engines, type: SourceType): Engine<{ [name: string]: string }> {
  return engines[type] as Engine<{ [name: string]: string }>
}
