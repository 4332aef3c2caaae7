/** Hears whether one's own microphone hears anything. */
export function createMeter(track: MediaStreamTrack | undefined): { isTalking(): boolean; stop(): void } {
  if (track === undefined) return { isTalking: () => false, stop() {} }
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  return {
    isTalking() {
      analyser.getFloatTimeDomainData(samples)
      return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length) > 0.02
    },
    stop() {
      context.close()
    },
  }
}
