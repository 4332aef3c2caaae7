import { reporterOf } from '@rollcall/protocol'

/** The `source` of facts: the source's id, with the reporter where several servers report as one source. */
export function sourceNameOf(sourceId: string, reporter: string | undefined): string {
  return reporter === undefined ? sourceId : reporterOf(sourceId, reporter)
}
