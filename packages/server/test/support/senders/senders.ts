import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Source } from '@rollcall/protocol'
import { createServer } from '../http.ts'
import type { Answer, TestServer } from '../start-server.ts'
import { basic, createJanus, janusKey } from './janus-events.ts'
import { addSource, deliver, livekitKey, signAsLivekit } from './source-client.ts'

/** One media server that reports joins, and what it does with an answer: as its own source code has it. */
export type Sender = {
  source: Source
  /** Tells that the person of that number joined; `base` is where the server is now. Rejects where no answer comes. */
  sendJoin(n: number, base: string): Promise<Answer<unknown>>
  /** Whether it sends the same again after such an answer. Else what it said is lost, unless it was recorded. */
  sendsAgain(status: number): boolean
}

/** A kind of sender. Each sends the same again also where it gets no answer. */
export type SenderKind = {
  name: SenderName
  /** What is success to it. */
  takes: string
  /** Which type of source it is, as the record tells it. */
  engine: string
  /** One with a source of its own. */
  create(t: TestContext, server: Pick<TestServer, 'call'>): Promise<Sender>
}
type SenderName = 'LiveKit' | 'Janus' | 'Jitsi' | 'BigBlueButton' | 'VideoSDK' | 'a server of your own'

/** An hour ago: media servers tell of what happens, and what they tell of long ago cannot be. */
const startSecond = Math.floor(Date.now() / 1000) - 3600

/** The second at which the person of that number joined. */
export function secondOfJoin(n: number): number {
  return startSecond + n
}

const json = { 'content-type': 'application/json' }

/** Everybody joins the one room of their sender, which has the sender's name. */
export const senderKinds: SenderKind[] = [
  {
    name: 'LiveKit',
    takes: 'every status but 429 and 5xx, and also 501,',
    engine: 'livekit',
    async create(_, server) {
      const source = await addSource(server, 'livekit', livekitKey)
      return {
        source,
        async sendJoin(n, base) {
          const body = JSON.stringify({
            event: 'participant_joined',
            id: `EV_${n}`,
            createdAt: String(secondOfJoin(n)),
            room: { sid: 'RM_1', name: 'LiveKit' },
            participant: { sid: `PA_${n}`, identity: `p${n}`, joinedAtMs: String(secondOfJoin(n) * 1000) },
          })
          return deliver(addressOf(source, base), body, await signAsLivekit(body))
        },
        sendsAgain: (status) => status === 429 || (status >= 500 && status !== 501),
      }
    },
  },
  {
    name: 'Janus',
    takes: 'any answer at all, by sampleevh,',
    engine: 'janus',
    async create(_, server) {
      const source = await addSource(server, 'janus', janusKey)
      const janus = createJanus('janus-1', startSecond * 1000)
      return {
        source,
        sendJoin: (n, base) =>
          deliver(addressOf(source, base), JSON.stringify([janus.joined('Janus', `p${n}`, n * 1000)]), basic),
        sendsAgain: () => false,
      }
    },
  },
  {
    name: 'Jitsi',
    takes: 'every status below 500',
    engine: 'jitsi',
    async create(_, server) {
      const secret = 'TOKEN-237958623045'
      const source = await addSource(server, 'jitsi', { secret })
      return {
        source,
        sendJoin(n, base) {
          const occupant = { occupant_jid: `p${n}@meet/x`, id: `p${n}`, joined_at: secondOfJoin(n) }
          const room = { room_name: 'Jitsi', room_jid: 'Jitsi@conference.meet.example.org', is_breakout: false }
          const body = JSON.stringify({ event_name: 'muc-occupant-joined', ...room, occupant })
          const headers = { ...json, authorization: `Bearer ${secret}` }
          return deliver(`${addressOf(source, base)}/events/occupant/joined`, body, headers)
        },
        sendsAgain: (status) => status >= 500,
      }
    },
  },
  {
    name: 'BigBlueButton',
    takes: '2xx and 401',
    engine: 'bigbluebutton',
    async create(_, server) {
      const source = await addSource(server, 'bigbluebutton', { secret: bigbluebuttonSecret })
      return {
        source,
        sendJoin(n, base) {
          const meeting = { 'internal-meeting-id': 'm-1', 'external-meeting-id': 'BigBlueButton' }
          const user = { 'internal-user-id': `w_${n}`, 'external-user-id': `p${n}`, name: `P${n}` }
          const event = { ts: secondOfJoin(n) * 1000 }
          const data = { type: 'event', id: 'user-joined', attributes: { meeting, user }, event }
          return deliverAsBigbluebutton(addressOf(source, base), [{ data }])
        },
        sendsAgain: (status) => status !== 401 && isFailure(status),
      }
    },
  },
  {
    name: 'VideoSDK',
    takes: '2xx',
    engine: 'videosdk',
    async create(t, server) {
      const keys = await servePublicKey()
      t.after(() => keys.close())
      const source = await addSource(server, 'videosdk', { publicKeyUrl: keys.url })
      return {
        source,
        sendJoin(n, base) {
          const data = { meetingId: 'VideoSDK', sessionId: 's-1', participantId: `p${n}`, participantName: `P${n}` }
          const body = JSON.stringify({ webhookType: 'participant-joined', data })
          return deliver(addressOf(source, base), body, keys.sign(body))
        },
        sendsAgain: isFailure,
      }
    },
  },
  {
    name: 'a server of your own',
    takes: '2xx',
    engine: 'generic',
    async create(_, server) {
      const secret = 'a secret that my media server has'
      const source = await addSource(server, 'generic', { secret })
      return {
        source,
        sendJoin(n, base) {
          const who = { roomId: 'a server of your own', participantId: `p${n}` }
          const event = { id: String(n), type: 'participant-joined', at: secondOfJoin(n) * 1000, ...who }
          const headers = { ...json, authorization: `Bearer ${secret}` }
          return deliver(addressOf(source, base), JSON.stringify({ events: [event] }), headers)
        },
        sendsAgain: isFailure,
      }
    },
  },
]

function isFailure(status: number): boolean {
  return status < 200 || status > 299
}

export const bigbluebuttonSecret = 'a secret that BigBlueButton has too'

/** A callback as bbb-webhooks makes it: a form, and a checksum of address, body and secret at the end of the address. */
export function deliverAsBigbluebutton(
  url: string,
  events: object[],
  { algorithm = 'sha1', secret = bigbluebuttonSecret, signedUrl = url, sentAt = Date.now() } = {},
): Promise<Answer<never>> {
  const form = { domain: 'bbb.example.org', event: JSON.stringify(events), timestamp: String(sentAt) }
  const body = new URLSearchParams(form).toString()
  const checksum = createHash(algorithm).update(`${signedUrl}${body}${secret}`).digest('hex')
  const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }
  const signed = `${url}${url.includes('?') ? '&' : '?'}checksum=${checksum}`
  return deliver(signed, body, headers) as Promise<Answer<never>>
}

/** A server that has an RSA key, as VideoSDK's; `renew` makes another. */
export async function servePublicKey() {
  let pair = makePair()
  let asked = 0
  let failing = false
  const keyServer = createServer((_, answer) => {
    asked += 1
    if (failing) answer.writeHead(500).end()
    else answer.end(JSON.stringify({ publicKey: pair.publicKey }))
  }).listen(0, '127.0.0.1')
  await once(keyServer, 'listening')
  return {
    url: `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/v2/public/rsa-public-key`,
    /** The headers of a webhook with this body. */
    sign: (body: string) => ({
      'content-type': 'application/json',
      'videosdk-signature': sign('RSA-SHA256', Buffer.from(body), pair.privateKey).toString('base64'),
    }),
    renew() {
      pair = makePair()
    },
    fail(isFailing: boolean) {
      failing = isFailing
    },
    /** How often the key was asked for. */
    asked: () => asked,
    close() {
      keyServer.closeAllConnections()
      keyServer.close()
    },
  }
}

function makePair() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
}

function addressOf({ id }: Source, base: string): string {
  return `${base}/v2/ingest/${id}`
}
