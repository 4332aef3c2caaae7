import type { ErrorCode } from '@rollcall/protocol'

/** A refusal that the caller is told about, in words that name the thing and what to do. */
export class Refusal extends Error {
  override name = 'Refusal'
  code: ErrorCode
  /** The same with its cause, where callers match `message` word for word. */
  explained: string | undefined

  constructor(code: ErrorCode, message: string, explained?: string) {
    super(message)
    this.code = code
    this.explained = explained
  }
}

/** A reason not to start: one clear line for the terminal. */
export class StartRefusal extends Error {
  override name = 'StartRefusal'
}
