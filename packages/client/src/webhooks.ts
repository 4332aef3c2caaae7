import type {
  DeliveryState,
  Replayed,
  WebhookDelivery,
  WebhookDeliveryPage,
  WebhookEndpoint,
  WebhookEndpointPage,
} from '@rollcall/protocol'
import type { Api } from './api.ts'
import { createListing, type Listing } from './listing.ts'
import { requireText } from './text.ts'

/** Where webhooks are sent, and which: exact names, or globs such as `session-*`. */
export type NewWebhook = { endPoint: string; events: string[] }

/** What is to be otherwise; what is not named stays. */
export type WebhookChanges = Partial<NewWebhook> & {
  /** Whether anything is sent. What is pending when it is enabled again is sent then. */
  enabled?: boolean
}

/** Which deliveries are sent again: those that meet all that is given, of which there has to be something. */
export type WebhookReplay = {
  /** Those alone that were sent and never taken. */
  failed?: boolean
  /** Those that were due first at this moment or later: a `Date`, epoch milliseconds, or ISO 8601. */
  from?: Date | number | string
  /** Those that were due first before this moment. */
  to?: Date | number | string
}

/** The addresses of a key that webhooks are sent to. Calls that change something are tried once. */
export type Webhooks = {
  /**
   * Adds an endpoint for what happens in all rooms of the key from now on. Its `secret` is in the answer, and never again.
   *
   * @throws RollcallError with code `BAD_REQUEST`, whose message says what was wrong, or `CONFLICT` where the key has too many
   * @example
   * const { id, secret } = await rollcall.webhooks.create({ endPoint: 'https://example.org/hook', events: ['session-*'] })
   */
  create(webhook: NewWebhook): Promise<WebhookEndpoint>
  /**
   * Gives one endpoint: whether it takes what is sent, or was disabled and why.
   *
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND` where there is none of this id
   * @example
   * const { enabled, disabledReason } = await rollcall.webhooks.get(id)
   */
  get(id: string): Promise<WebhookEndpoint>
  /**
   * Lists endpoints, newest first: those of the key, and those that rooms were given when they were made.
   *
   * @param options `roomId`: the endpoint of this room alone; `perPage`: endpoints a page, at most 1000, by default 20
   * @throws RollcallError while it is walked
   * @example
   * for await (const { endPoint, enabled } of rollcall.webhooks.list()) console.log(endPoint, enabled)
   */
  list(options?: { roomId?: string; perPage?: number }): Listing<WebhookEndpoint>
  /**
   * Changes where an endpoint is, what it hears of, and whether anything is sent.
   *
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND` or `BAD_REQUEST`
   * @example
   * await rollcall.webhooks.update(id, { enabled: true })
   */
  update(id: string, changes: WebhookChanges): Promise<WebhookEndpoint>
  /**
   * Makes a new secret, which is in the answer, and never again. For a day webhooks are signed with the old one too.
   *
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND`
   * @example
   * const { secret } = await rollcall.webhooks.rotateSecret(id)
   */
  rotateSecret(id: string): Promise<WebhookEndpoint>
  /**
   * Deletes an endpoint: nothing is sent there any more, also of what is pending.
   *
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND`
   * @example
   * await rollcall.webhooks.delete(id)
   */
  delete(id: string): Promise<WebhookEndpoint>
  /**
   * Sends a webhook of the type `test`; `deliveries` tells what became of it.
   *
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND`, or `CONFLICT` where the endpoint is disabled
   * @example
   * const { id: deliveryId } = await rollcall.webhooks.test(id)
   */
  test(id: string): Promise<WebhookDelivery>
  /**
   * Lists what was sent to an endpoint, and what is to be sent, newest first. A walk gives each once, also when more come meanwhile.
   *
   * @param options `state`: those alone; `perPage`: deliveries a page, at most 1000, by default 20
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND`, while it is walked
   * @example
   * for await (const { webhookType, lastError } of rollcall.webhooks.deliveries(id, { state: 'parked' })) console.log(webhookType, lastError)
   */
  deliveries(id: string, options?: { state?: DeliveryState; perPage?: number }): Listing<WebhookDelivery>
  /**
   * Sends deliveries again, each under the same `webhook-id` as before: one, by its id, or those that meet what is given.
   *
   * @returns how many are sent again
   * @throws RollcallError with code `WEBHOOK_NOT_FOUND`, `DELIVERY_NOT_FOUND`, or `CONFLICT` where the endpoint is disabled
   * @example
   * const count = await rollcall.webhooks.replay(id, { failed: true })
   */
  replay(id: string, which: string | WebhookReplay): Promise<number>
}

export function createWebhooks(api: Api): Webhooks {
  return {
    create: (webhook) => api.post<WebhookEndpoint>('/v2/webhooks', webhook),
    get: async (id) => api.get<WebhookEndpoint>(pathOf(id)),
    list: (options = {}) =>
      createListing(
        (page) => api.get<WebhookEndpointPage>('/v2/webhooks', { ...options, page }),
        (endpoint) => endpoint.id,
      ),
    update: async (id, changes) => api.patch<WebhookEndpoint>(pathOf(id), changes),
    rotateSecret: async (id) => api.post<WebhookEndpoint>(`${pathOf(id)}/rotate-secret`, {}),
    delete: async (id) => api.delete<WebhookEndpoint>(pathOf(id)),
    test: async (id) => api.post<WebhookDelivery>(`${pathOf(id)}/test`, {}),
    deliveries(id, options = {}) {
      const path = `${pathOf(id)}/deliveries`
      return createListing(
        (page) => api.get<WebhookDeliveryPage>(path, { ...options, page }),
        (delivery) => delivery.id,
      )
    },
    async replay(id, which) {
      const { replayed } =
        typeof which === 'string'
          ? await api.post<Replayed>(
              `${pathOf(id)}/deliveries/${encodeURIComponent(requireText('delivery id', which))}/replay`,
              {},
            )
          : await api.post<Replayed>(`${pathOf(id)}/replay`, which)
      return replayed
    },
  }
}

function pathOf(id: string): string {
  return `/v2/webhooks/${encodeURIComponent(requireText('webhook id', id))}`
}
