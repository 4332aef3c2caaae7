import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Source } from '@rollcall/protocol'
import { addSource, deliver, livekitKey, signAsLivekit } from './source-client.ts'
import type { Answer, TestServer } from './start-server.ts'

/** One media server that reports joins, and what it does with an answer: as its own source code has it. */
export type Sender = {
  name: string
  source: Source
  /** Tells that the person of that number joined; `base` is where the server is now. Rejects where no answer comes. */
  sendJoin(n: number, base: string): Promise<Answer<unknown>>
  /** Whether it sends the same again after such an answer. Else what it said is lost, unless it was recorded. */
  sendsAgain(status: number): boolean
}

const startSecond = 1771351800

/** The second at which the person of that number joined. */
export function secondOfJoin(n: number): number {
  return startSecond + n
}

/** One of each, each with a source of its own; `close` closes what they had to open. */
export async function createSenders(server: Pick<TestServer, 'call'>): Promise<{ senders: Sender[]; close(): void }> {
  const keys = await servePublicKey()
  const [livekit, jitsi, bigbluebutton, videosdk] = await Promise.all([
    addSource(server, 'livekit', livekitKey),
    addSource(server, 'jitsi', { secret: 'TOKEN-237958623045' }),
    addSource(server, 'bigbluebutton', { secret: bigbluebuttonSecret }),
    addSource(server, 'videosdk', { publicKeyUrl: keys.url }),
  ])
  const senders: Sender[] = [
    {
      name: 'LiveKit',
      source: livekit,
      async sendJoin(n, base) {
        const body = JSON.stringify({
          event: 'participant_joined',
          id: `EV_${n}`,
          createdAt: String(secondOfJoin(n)),
          room: { sid: 'RM_1', name: 'LiveKit' },
          participant: { sid: `PA_${n}`, identity: `p${n}`, joinedAtMs: String(secondOfJoin(n) * 1000) },
        })
        return deliver(addressOf(livekit, base), body, await signAsLivekit(body))
      },
      sendsAgain: (status) => status === 429 || (status >= 500 && status !== 501),
    },
    {
      name: 'Jitsi',
      source: jitsi,
      sendJoin(n, base) {
        const occupant = { occupant_jid: `p${n}@meet/x`, id: `p${n}`, joined_at: secondOfJoin(n) }
        const room = { room_name: 'Jitsi', room_jid: 'Jitsi@conference.meet.example.org', is_breakout: false }
        const body = JSON.stringify({ event_name: 'muc-occupant-joined', ...room, occupant })
        const headers = { 'content-type': 'application/json', authorization: 'Bearer TOKEN-237958623045' }
        return deliver(`${addressOf(jitsi, base)}/events/occupant/joined`, body, headers)
      },
      sendsAgain: (status) => status >= 500,
    },
    {
      name: 'BigBlueButton',
      source: bigbluebutton,
      sendJoin(n, base) {
        const meeting = { 'internal-meeting-id': 'm-1', 'external-meeting-id': 'BigBlueButton' }
        const user = { 'internal-user-id': `w_${n}`, 'external-user-id': `p${n}`, name: `P${n}` }
        const event = { ts: secondOfJoin(n) * 1000 }
        const data = { type: 'event', id: 'user-joined', attributes: { meeting, user }, event }
        return deliverAsBigbluebutton(addressOf(bigbluebutton, base), [{ data }])
      },
      sendsAgain: (status) => status !== 401 && (status < 200 || status > 299),
    },
    {
      name: 'VideoSDK',
      source: videosdk,
      sendJoin(n, base) {
        const data = { meetingId: 'VideoSDK', sessionId: 's-1', participantId: `p${n}`, participantName: `P${n}` }
        const body = JSON.stringify({ webhookType: 'participant-joined', data })
        return deliver(addressOf(videosdk, base), body, keys.sign(body))
      },
      sendsAgain: (status) => status < 200 || status > 299,
    },
  ]
  return { senders, close: keys.close }
}

export const bigbluebuttonSecret = 'a secret that BigBlueButton has too'

/** A callback as bbb-webhooks makes it: a form, and a checksum of address, body and secret at the end of the address. */
export function deliverAsBigbluebutton(
  url: string,
  events: object[],
  { algorithm = 'sha1', secret = bigbluebuttonSecret, signedUrl = url } = {},
): Promise<Answer<never>> {
  const form = { domain: 'bbb.example.org', event: JSON.stringify(events), timestamp: String(Date.now()) }
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
