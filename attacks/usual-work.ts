import { call, type Target } from './target.ts'

const calls = 100

/**
 * What any server has done before it rests: 2,000 come and go in 100 sessions, and somebody looks at them: 600 calls. One that never
 * answered anything is no measure: it has not even loaded all that it works with.
 */
export async function doUsualWork(target: Target): Promise<void> {
  for (let n = 0; n < calls; n++) {
    const at = Date.now() - 3_600_000
    const events = Array.from({ length: 20 }, (_, i) => {
      const of = { roomId: `usual ${n % 10}`, sessionKey: `${n >> 1}`, participantId: `p${i}`, name: `Person ${i}` }
      return [
        { ...of, id: `usual ${n} ${i} in`, type: 'participant-joined', at: at + i },
        { ...of, id: `usual ${n} ${i} out`, type: 'participant-left', at: at + 60_000 + i },
      ]
    })
    await call(target, 'POST', '/v2/events', { events: events.flat() })
    const { data } = await call<{ data: { id: string }[] }>(target, 'GET', '/v2/sessions?perPage=20')
    const reads = [
      `/v2/sessions/${data[n % data.length]?.id}`,
      `/v2/sessions?customRoomId=usual ${n % 10}`,
      '/v2/rooms',
      '/v2/usage',
    ]
    await Promise.all(reads.map((path) => call(target, 'GET', encodeURI(path))))
  }
}
