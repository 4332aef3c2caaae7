import { parentPort, workerData } from 'node:worker_threads'
import { join } from '../support/clients/rtc-client.ts'

// A thread of people who sit in a hosted room and answer its pings, whatever the server's own loop does.

export type SittingPeople = { wsUrl: string; token: string; roomId: string; names: string[]; deaf: string[] }

const { wsUrl, token, roomId, names, deaf } = workerData as SittingPeople
const server = { wsUrl, sign: async () => token }
const clients = await Promise.all(
  [...names, ...deaf].map((name) =>
    join(server, roomId, name, undefined, deaf.includes(name) ? { autoPong: false } : {}),
  ),
)
parentPort?.postMessage('joined')
parentPort?.on('message', () => {
  for (const { socket } of clients) socket.terminate()
  parentPort?.close()
})
