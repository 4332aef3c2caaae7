// Scores from 1 (bad) to 5 (excellent), as people would give them, estimated from what the network did.

/**
 * Estimates how good received speech is: the E-model of ITU-T G.107, with its defaults for all that a browser cannot
 * measure. The rating is R = 93.2 - Id - Ie,eff; the delay costs Id = 0.024 d + 0.11 (d - 177.3) where d is above 177.3 ms (Cole
 * and Rosenbluth, 2001), the loss costs Ie,eff = 95 Ppl / (Ppl + 25.1), G.113's value for concealed loss of a codec that is as good
 * as G.711. R becomes a score by G.107's Annex B.
 *
 * @param network `lossPercent`: of the packets; `rttMs`: their round trip; `jitterMs`: twice it is waited for late ones
 * @returns from 1 to 4.4
 */
export function scoreAudio({ lossPercent, rttMs, jitterMs }: { lossPercent: number; rttMs: number; jitterMs: number }) {
  const delayMs = rttMs / 2 + 2 * jitterMs + packetMs
  const delayed = 0.024 * delayMs + 0.11 * Math.max(0, delayMs - 177.3)
  const lost = (95 * lossPercent) / (lossPercent + 25.1)
  const rating = Math.max(0, 93.2 - delayed - lost)
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
}

/** What one packet of speech takes to be spoken, in milliseconds. */
const packetMs = 20

/**
 * Estimates how good one received video is: the video quality of ITU-T G.1070, with its coefficients for H.264 at VGA. At each
 * bitrate one frame rate is best; the score falls away from it, and with the loss. (Newer codecs and other sizes do better
 * or worse at the same bitrate: it is good for comparing.)
 *
 * @param stream `bitrate`: bits per second; `framesPerSecond`: as shown; `lossPercent`: of the packets
 * @returns from 1 to 4.46
 */
export function scoreVideo({
  bitrate,
  framesPerSecond,
  lossPercent,
}: {
  bitrate: number
  framesPerSecond: number
  lossPercent: number
}) {
  const kilobits = bitrate / 1000
  const frames = Math.min(30, Math.max(1, framesPerSecond))
  const bestFrames = Math.min(30, 5.517 + 0.0129 * kilobits)
  const best = 3.459 - 3.459 / (1 + (kilobits / 178.53) ** 1.02)
  const tolerance = 1.15 + 0.000355 * kilobits
  const coded = best * Math.exp(-(Math.log(frames / bestFrames) ** 2) / (2 * tolerance ** 2))
  const robustness = 0.736 - 6.451 * Math.exp(-frames / 0.114) + 13.684 * Math.exp(-kilobits / 513.77)
  return 1 + coded * Math.exp(-lossPercent / robustness)
}
