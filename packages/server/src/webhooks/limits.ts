const secondMs = 1000
const hourMs = 3600 * secondMs

/** The longest wait that a receiver may ask for, in milliseconds. */
export const retryAfterMaxMs = 24 * hourMs
/** How long webhooks are signed with the secret before the last too, in milliseconds: a day. */
export const secretOverlapMs = 24 * hourMs
/** Most endpoints of a key, those of its rooms not counted. */
export const endpointsMax = 100

/** How much is sent at once, and how often it is looked what is due. Tests bring other ones. */
export type WebhookLimits = {
  /** Deliveries under way to one endpoint; each is of another session. */
  perEndpoint: number
  /** Behind the wake of a commit. */
  pollMs: number
  /** How long an answer may take. */
  deliveryTimeoutMs: number
}

export const webhookLimits: WebhookLimits = { perEndpoint: 8, pollMs: secondMs, deliveryTimeoutMs: 15 * secondMs }
