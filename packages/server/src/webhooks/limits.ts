const secondMs = 1000
const hourMs = 3600 * secondMs

/** The longest wait that a receiver may ask for, in milliseconds: a day, so that a wrong answer does not stop it for good. */
export const retryAfterMaxMs = 24 * hourMs
/** How long webhooks are signed with the previous secret too, in milliseconds: a day, for receivers to change theirs. */
export const secretOverlapMs = 24 * hourMs
/** Most endpoints of a key, those of its rooms not counted: each change is planned for each of them. */
export const endpointsMax = 100

/** Most deliveries under way at a time, of all keys: each key has its share of them. */
export const underWayMax = 1000

/** How much is sent at once, and how often due deliveries are looked for. Tests bring other ones. */
export type WebhookLimits = {
  /** Most deliveries under way to one endpoint, each of another session: a slow receiver takes no more sockets than these. */
  perEndpoint: number
  /** From poll to poll for due deliveries: a retry is due without a commit that wakes the dispatcher. */
  pollMs: number
  /** How long an answer may take: a receiver that is slower should answer first and work later. */
  deliveryTimeoutMs: number
}

export const webhookLimits: WebhookLimits = { perEndpoint: 8, pollMs: secondMs, deliveryTimeoutMs: 15 * secondMs }
