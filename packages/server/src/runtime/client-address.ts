import type { IncomingMessage } from 'node:http'
import proxyAddr from '@fastify/proxy-addr'

/** Whether a proxy at this address is believed, so many hops from this server. */
export type Trust = (address: string, hop: number) => boolean

/** @param trustProxy the setting: on is one proxy, which is believed for whom it heard from, not for what a client told it before */
export function toTrust(trustProxy: boolean | string[]): Trust {
  if (typeof trustProxy === 'boolean') return (_, hop) => trustProxy && hop === 0
  return proxyAddr.compile(trustProxy)
}

/** The address that a request comes from, as the proxies that are believed name it. */
export function clientAddressOf(request: IncomingMessage, trust: Trust): string {
  return proxyAddr(request, trust)
}
