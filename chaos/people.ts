import { connect, type RtcClient } from '../packages/server/test/support/clients/rtc-client.ts'
import { createRandom } from './random.ts'
import type { Servers } from './server.ts'

/** One stay, as its own side knows it: each moment lies between two of these. By the wall clock, epoch milliseconds. */
export type Visit = {
  roomId: string
  participantId: string
  askedAt: number
  /** When the join was answered; absent where it never was. */
  joinedAt?: number
  /** When the leave was asked for, or the line was cut. */
  leavingAt?: number
  /** When the leave was answered by a close in good order; absent where it never was. */
  leftAt?: number
  /** When it was over in any case. */
  overAt?: number
}

const roomsMax = 2
const peopleInRoom = 4
/** Somebody stays, or stays away, for less than this. */
const whileMs = 250
/** Servers that send somebody on to another, one after the other. */
const redirectsMax = 3

/** People who come to hosted rooms and go, and come back after each crash; until `stop`. */
export function startPeople(
  roomIds: string[],
  { servers, seed, sign }: { servers: Servers; seed: number; sign(): Promise<string> },
) {
  const visits: Visit[] = []
  let stopping = false
  const lives = roomIds
    .slice(0, roomsMax)
    .flatMap((roomId, room) =>
      Array.from({ length: peopleInRoom }, (_, i) => live(roomId, `p${i}`, seed + 100 * room + i)),
    )
  return {
    visits,
    async stop() {
      stopping = true
      await Promise.all(lives)
    },
  }

  async function live(roomId: string, participantId: string, ownSeed: number): Promise<void> {
    const random = createRandom(ownSeed)
    const rest = () => new Promise<void>((resolve) => setTimeout(resolve, 2 + random.below(whileMs)))
    while (!stopping) {
      const { wsUrl } = await servers.whenUp()
      const visit: Visit = { roomId, participantId, askedAt: Date.now() }
      visits.push(visit)
      // Whoever is on the way in when the server dies is refused by one that is gone.
      const client = await join(wsUrl, { token: await sign(), roomId, participantId }).catch(() => undefined)
      if (client !== undefined) {
        visit.joinedAt = Date.now()
        await Promise.race([rest(), client.closed])
        visit.leavingAt = Date.now()
        if (random.chance(0.8)) client.send({ type: 'leave' })
        else client.socket.terminate()
        if ((await client.closed) === '1000') visit.leftAt = Date.now()
      }
      visit.overAt = Date.now()
      await rest()
    }
  }
}

/** Joins there, or where that sends to. Rejects where it is not let in. */
async function join(
  wsUrl: string,
  who: { token: string; roomId: string; participantId: string },
  redirects = 0,
): Promise<RtcClient> {
  const client = await connect({ wsUrl })
  client.send({ type: 'join', ...who })
  const message = await client.any()
  if (message.type === 'joined') return client
  client.socket.terminate()
  if (message.type === 'redirect' && redirects < redirectsMax) return join(message.url, who, redirects + 1)
  throw new Error(`${who.participantId} was told ${message.type} in answer to a join`)
}
