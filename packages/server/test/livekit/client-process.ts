import { Room, RoomEvent, SimulateScenarioKind } from '@livekit/rtc-node'

// A process with clients of LiveKit in it, by LiveKit's own library: what they are to do comes as messages of the parent,
// and what each of them sees goes back with the time by its own clock.

export type Scenario = 'SIGNAL_RECONNECT' | 'FULL_RECONNECT' | 'NODE_FAILURE' | 'MIGRATION'

/** `client` names one of its clients. */
export type ClientOrder =
  | { order: 'join'; client: number; url: string; token: string }
  | { order: 'leave'; client: number }
  | { order: 'simulate'; client: number; scenario: Scenario }

export type ClientSight = {
  client: number
  saw: 'asked' | 'connected' | 'reconnecting' | 'reconnected' | 'simulating' | 'leaving' | 'disconnected' | 'failed'
  atMs: number
  why?: string
}

const rooms = new Map<number, Room>()

process.on('message', (order: ClientOrder) => {
  obey(order).catch((error: unknown) => see(order.client, 'failed', String(error)))
})
// The parent is gone.
process.on('disconnect', () => process.exit())

async function obey(order: ClientOrder): Promise<void> {
  const { client } = order
  if (order.order === 'join') {
    const room = new Room()
    rooms.set(client, room)
    room.on(RoomEvent.Reconnecting, () => see(client, 'reconnecting'))
    room.on(RoomEvent.Reconnected, () => see(client, 'reconnected'))
    room.on(RoomEvent.Disconnected, () => see(client, 'disconnected'))
    see(client, 'asked')
    await room.connect(order.url, order.token, { autoSubscribe: true, dynacast: false })
    see(client, 'connected')
    return
  }
  const room = rooms.get(client)
  if (room === undefined) throw new Error('it has not joined')
  if (order.order === 'simulate') {
    see(client, 'simulating')
    return room.simulateScenario(SimulateScenarioKind[`SIMULATE_${order.scenario}`])
  }
  see(client, 'leaving')
  await room.disconnect()
}

function see(client: number, saw: ClientSight['saw'], why?: string): void {
  const sight: ClientSight = { client, saw, atMs: Date.now(), ...(why !== undefined && { why }) }
  process.send?.(sight)
}
