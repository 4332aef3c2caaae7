import { isEventsSource, reporterOf } from '@rollcall/protocol'

/** Of an id so many characters are enough to know it by. */
const loggedLength = 4

/** The `source` of facts: the source's id, with the reporter where several servers report as one source. */
export function sourceNameOf(sourceId: string, reporter: string | undefined): string {
  return reporter === undefined ? sourceId : reporterOf(sourceId, reporter)
}

/** How the log names a source: the id of a media server is its address, which is a secret. */
export function loggedNameOf(sourceId: string): string {
  if (isEventsSource(sourceId)) return sourceId
  return `${sourceId.slice(0, sourceId.indexOf('-') + 1 + loggedLength)}…`
}
