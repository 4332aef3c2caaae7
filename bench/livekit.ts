import { livekitKey, signAsLivekit } from '../packages/server/test/support/senders/source-client.ts'
import type { Post } from './drive.ts'
import type { ForkedServer } from './fork-server.ts'

const peoplePerRoom = 50

/** Joins and leaves as a LiveKit server sends and signs them, to a source of their own. */
export async function signedLivekitJoins({ url, token }: ForkedServer, count: number): Promise<Post[]> {
  const answer = await fetch(`${url}/v2/sources`, {
    method: 'POST',
    headers: { authorization: token, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'livekit', name: 'bench', ...livekitKey }),
  })
  const source = (await answer.json()) as { url: string }
  const firstSecond = Math.floor(Date.now() / 1000) - 3600
  const posts: Post[] = []
  for (let n = 0; posts.length < count; n++) {
    const room = Math.floor(n / peoplePerRoom)
    const participant = {
      sid: `PA_${n}`,
      identity: `p${n}`,
      name: `Person ${n}`,
      joinedAtMs: String(firstSecond * 1000 + n),
    }
    for (const event of ['participant_joined', 'participant_left']) {
      const body = JSON.stringify({
        event,
        id: `EV_${n}${event}`,
        createdAt: String(firstSecond + (event === 'participant_left' ? 60 : 0)),
        room: { sid: `RM_${room}`, name: `room ${room}` },
        participant,
      })
      posts.push({ url: source.url, headers: await signAsLivekit(body), body })
    }
  }
  return posts
}
