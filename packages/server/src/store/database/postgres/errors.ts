import { Refusal } from '../../../error.ts'

// Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html

/** A connection that could not be made. Its message holds nothing of the address but host and database. */
export class ConnectFailure extends Error {
  override name = 'ConnectFailure'
  code: string

  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

const networkErrors = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
]
/** Of `pg`, which gives these no code. */
const lostTexts =
  /Connection terminated|connection timeout|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed/i

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? '')
}

/** Two transactions met: serialization failure, deadlock, or a key that both made. */
export function isConflict(error: unknown): boolean {
  return ['40001', '40P01', '23505'].includes(codeOf(error))
}

/** Another statement of its transaction failed before it. */
export function isAborted(error: unknown): boolean {
  return codeOf(error) === '25P02'
}

/** It is a standby, or was told to write nothing: the service that does is elsewhere. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === '25006'
}

/** The service went away, is not there yet, or says no for a reason that passes: the same is worth trying again. */
export function isUnavailable(error: unknown): boolean {
  return whyUnavailable(error) !== undefined
}

/** What whoever asked is told where the service is not available; undefined where it is. */
export function toBusy(error: unknown): Refusal | undefined {
  const why = whyUnavailable(error)
  return why === undefined ? undefined : new Refusal('BUSY', `The database ${why}: try again in a moment`)
}

function whyUnavailable(error: unknown): string | undefined {
  const code = codeOf(error)
  // A query that was broken off, by a limit of the service or by hand.
  if (code === '57014') return 'broke this off'
  if (error instanceof ConnectFailure || /^(08|57P|25P03)/.test(code) || networkErrors.includes(code))
    return 'does not answer'
  if (isReadOnly(error)) return 'takes no writes'
  if (code === '53100') return 'has no room left on its disk'
  if (code === '53300') return 'takes no more connections'
  if (code === '55P03') return 'is held up by something else that has locked it'
  // Short of memory or of something else, or its disk fails.
  if (/^(53|58)/.test(code)) return 'is in trouble'
  return lostTexts.test(String(error)) ? 'does not answer' : undefined
}
