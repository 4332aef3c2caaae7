import type { DeliveryState } from '@rollcall/client'
import { given, readNumber, readOneOf } from '../search.ts'

export const deliveriesPerPage = 20
export const deliveryStates: readonly DeliveryState[] = ['pending', 'delivered', 'parked']

/** Which deliveries are shown: all of it is in the address. */
export type WebhookSearch = { state?: DeliveryState; page?: number }

export function readWebhookSearch(search: Record<string, unknown>): WebhookSearch {
  return given({ state: readOneOf(search, 'state', deliveryStates), page: readNumber(search, 'page') })
}
