import { type DestinationStream, destination, type Logger, pino } from 'pino'

/** Fields that hold a secret are blanked, should anybody ever log them. */
const redacted = ['token', 'secret', 'previousSecret', 'authorization'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
])

/** JSON lines on stderr, apart from what is printed for people; or to `stream`. */
export function createLog(level: string, stream: DestinationStream = destination({ fd: 2, sync: false })): Logger {
  return pino({ level, redact: { paths: redacted, censor: '…' }, base: null }, stream)
}
