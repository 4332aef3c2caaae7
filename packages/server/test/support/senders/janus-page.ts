import type { Page } from 'playwright-core'

/** Somebody in a video room of Janus, in a page of their own. */
export type JanusPerson = {
  /** The number that Janus gave them. */
  id: string
  /** Resolves when their camera reaches Janus; rejects where it does not within 20 s. */
  connected(): Promise<void>
  leave(): Promise<void>
  /** Resolves when Janus said so to them: `destroyed`, `kicked`. */
  told(event: string): Promise<void>
}

type InPage = { id: string; connected(): Promise<void>; leave(): Promise<void>; told(event: string): Promise<void> }

/** Joins a video room and publishes the page's camera, by Janus's own API. The page has to be of a secure origin. */
export async function joinVideoroom(
  page: Page,
  wsUrl: string,
  apisecret: string,
  room: number,
  display: string,
): Promise<JanusPerson> {
  const id = await page.evaluate(join, { wsUrl, apisecret, room, display })
  const person = (): InPage => (globalThis as never as { person: InPage }).person
  const source = `(${person.toString()})()`
  return {
    id,
    connected: () => page.evaluate(`${source}.connected()`),
    leave: () => page.evaluate(`${source}.leave()`),
    told: (event) => page.evaluate(`${source}.told(${JSON.stringify(event)})`),
  }
}

/** Runs in the page: it sees nothing of this module. */
async function join(who: { wsUrl: string; apisecret: string; room: number; display: string }): Promise<string> {
  type Message = {
    janus: string
    transaction?: string
    data?: { id: number }
    plugindata?: { data: { videoroom: string; id: number; reason?: string } }
    jsep?: RTCSessionDescriptionInit
  }
  const socket = new WebSocket(who.wsUrl, 'janus-protocol')
  const messages: Message[] = []
  const wakes = new Set<() => void>()
  socket.onmessage = ({ data }) => {
    messages.push(JSON.parse(data))
    for (const wake of wakes) wake()
  }
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  const heard = async (is: (message: Message) => boolean, timeoutMs = 60_000): Promise<Message> => {
    const { promise, resolve, reject } = Promise.withResolvers<Message>()
    const look = () => {
      const found = messages.find(is)
      if (found !== undefined) resolve(found)
    }
    wakes.add(look)
    setTimeout(() => reject(new Error(`not heard among ${JSON.stringify(messages)}`)), timeoutMs)
    look()
    return promise.finally(() => wakes.delete(look))
  }
  let transactions = 0
  const ids: { session_id?: number; handle_id?: number } = {}
  const ask = async (janus: string, more: object = {}): Promise<Message> => {
    const transaction = `t${++transactions}`
    socket.send(JSON.stringify({ janus, transaction, apisecret: who.apisecret, ...ids, ...more }))
    return heard((message) => message.transaction === transaction && message.janus !== 'ack')
  }
  const idOf = ({ data }: Message) => data?.id ?? Number.NaN
  ids.session_id = idOf(await ask('create'))
  ids.handle_id = idOf(await ask('attach', { plugin: 'janus.plugin.videoroom' }))
  setInterval(
    () => socket.send(JSON.stringify({ janus: 'keepalive', transaction: 'k', ...ids, apisecret: who.apisecret })),
    10_000,
  )
  const { room, display } = who
  const joined = await ask('message', { body: { request: 'join', ptype: 'publisher', room, display } })
  const camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 160, height: 120 } })
  const peer = new RTCPeerConnection()
  for (const track of camera.getTracks()) peer.addTrack(track, camera)
  peer.onicecandidate = ({ candidate }) => {
    const trickle = { janus: 'trickle', transaction: 'c', candidate: candidate ?? { completed: true } }
    socket.send(JSON.stringify({ ...trickle, ...ids, apisecret: who.apisecret }))
  }
  await peer.setLocalDescription(await peer.createOffer())
  const { jsep } = await ask('message', { body: { request: 'publish' }, jsep: peer.localDescription })
  if (jsep !== undefined) await peer.setRemoteDescription(jsep)
  Object.assign(globalThis, {
    person: {
      connected: async () => void (await heard(({ janus }) => janus === 'webrtcup', 20_000)),
      leave: async () => void (await ask('message', { body: { request: 'leave' } })),
      told: async (event: string) =>
        void (await heard(
          ({ plugindata }) => plugindata?.data.videoroom === event || plugindata?.data.reason === event,
        )),
    },
  })
  return String(joined.plugindata?.data.id)
}
