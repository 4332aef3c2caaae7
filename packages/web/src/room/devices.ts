/** A camera and a microphone, as far as there are any. */
export type Devices = {
  audio: MediaStreamTrack | undefined
  video: MediaStreamTrack | undefined
  failure: string | undefined
}

const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 30 } }

/** Opens what there is; whoever has neither can still be there, listen and watch. */
export async function openDevices(): Promise<Devices> {
  if (navigator.mediaDevices === undefined) {
    return none('Browsers open camera and microphone on https pages alone. You can still listen and watch.')
  }
  for (const wanted of [{ audio, video }, { audio }, { video }]) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted)
      const [heard, seen] = [stream.getAudioTracks()[0], stream.getVideoTracks()[0]]
      const missing = heard === undefined ? 'microphone' : seen === undefined ? 'camera' : undefined
      return { audio: heard, video: seen, failure: missing && `No ${missing} could be opened.` }
    } catch (error) {
      if ((error as DOMException).name === 'NotAllowedError') {
        return none('The browser was not allowed to open camera and microphone. You can still listen and watch.')
      }
    }
  }
  return none('No camera and no microphone could be opened. You can still listen and watch.')
}

function none(failure: string): Devices {
  return { audio: undefined, video: undefined, failure }
}
