import { DailyError } from '@rollcall/protocol'
import type { ErrorDialect } from '../http/refusals.ts'

/** Refusals as Daily's API has them. */
export const dailyErrors: ErrorDialect = {
  shape: DailyError,
  field: 'error',
  toNamed(code, status) {
    switch (code) {
      case 'TOKEN_MISSING':
        return { status: 400, name: 'authorization-header-error' }
      case 'TOKEN_INVALID':
        return { status, name: 'authentication-error' }
      case 'FORBIDDEN':
        return { status, name: 'forbidden-error' }
      case 'TOO_MANY_REQUESTS':
        return { status, name: 'rate-limit-error' }
      default:
        if (status === 404) return { status, name: 'not-found' }
        return { status, name: status >= 500 ? 'server-error' : 'invalid-request-error' }
    }
  },
  toBody: (name, { error, message }) => ({ error: name, info: message ?? error }),
}
