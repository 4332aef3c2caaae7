import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'

// A media server in the shape of mediasoup, without the media: a router is one life of a room, a transport is one
// connection of somebody in it, and observers tell when each begins and ends. With mediasoup itself, leave this file out.

export class Worker {
  readonly observer = new EventEmitter<{ newrouter: [Router] }>()

  async createRouter({ appData }: Pick<Router, 'appData'>): Promise<Router> {
    const router = new Router(appData)
    this.observer.emit('newrouter', router)
    return router
  }
}

export class Router {
  readonly id = randomUUID()
  readonly observer = new EventEmitter<{ newtransport: [Transport]; close: [] }>()
  readonly appData: { roomId: string }
  readonly #transports: Transport[] = []

  constructor(appData: Router['appData']) {
    this.appData = appData
  }

  async createWebRtcTransport({ appData }: Pick<Transport, 'appData'>): Promise<Transport> {
    const transport = new Transport(appData)
    this.#transports.push(transport)
    this.observer.emit('newtransport', transport)
    return transport
  }

  close(): void {
    for (const transport of this.#transports) transport.close()
    this.observer.emit('close')
  }
}

export class Transport {
  readonly id = randomUUID()
  readonly observer = new EventEmitter<{ close: [] }>()
  readonly appData: { participantId: string; name: string }
  #closed = false

  constructor(appData: Transport['appData']) {
    this.appData = appData
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.observer.emit('close')
  }
}
