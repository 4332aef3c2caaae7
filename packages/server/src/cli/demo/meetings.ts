import type { Fact } from '@rollcall/protocol'

// A believable month: the same each time, but for the clock that it ends at.

export type Meeting = {
  /** The customRoomId. */
  room: string
  source: string
  startAt: number
  endAt: number
  people: number
  random: () => number
  /** How the media went is part of it. */
  measured: boolean
}

type Face = { participantId: string; name: string }

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const days = 30
const sampleMs = 30_000

type Habit = {
  room: string
  source: string
  /** 0 is Sunday. */
  weekdays: number[]
  /** Hours of the day, UTC. */
  hours: number[]
  minutes: number
  people: [number, number]
}

const workdays = [1, 2, 3, 4, 5]
const habits: Habit[] = [
  { room: 'demo-standup', source: 'livekit-demo', weekdays: workdays, hours: [8.5], minutes: 14, people: [6, 9] },
  {
    room: 'demo-support',
    source: 'events',
    weekdays: [...workdays, 6],
    hours: [7, 9.2, 11, 13.4, 15.1, 17],
    minutes: 26,
    people: [2, 3],
  },
  { room: 'demo-lecture', source: 'bigbluebutton-demo', weekdays: [2, 4], hours: [12], minutes: 88, people: [60, 110] },
  { room: 'demo-all-hands', source: 'livekit-demo', weekdays: [5], hours: [14], minutes: 55, people: [140, 190] },
  { room: 'demo-interview', source: 'jitsi-demo', weekdays: [1, 3, 4], hours: [10, 14.5], minutes: 48, people: [3, 4] },
  { room: 'demo-yoga', source: 'jitsi-demo', weekdays: [0, 3, 6], hours: [6.5], minutes: 61, people: [12, 25] },
]

/** In order of time; the last few are running. */
export function meetingsOf(now: number): Meeting[] {
  const random = createRandom(1)
  const meetings: Meeting[] = []
  const today = Math.floor(now / dayMs) * dayMs
  for (let day = today - days * dayMs; day <= today; day += dayMs) {
    for (const { room, source, weekdays, hours, minutes, people } of habits) {
      if (!weekdays.includes(new Date(day).getUTCDay())) continue
      for (const hour of hours) {
        const startAt = Math.round(day + hour * 60 * minuteMs + (random() - 0.3) * 6 * minuteMs)
        const endAt = Math.round(startAt + minutes * minuteMs * (0.8 + random() * 0.5))
        const count = people[0] + Math.floor(random() * (people[1] - people[0] + 1))
        const seed = Math.floor(random() * 2 ** 31)
        if (endAt > now - 90 * minuteMs) continue
        const measured = endAt > now - 3 * dayMs && count < 10
        meetings.push({ room, source, startAt, endAt, people: count, random: createRandom(seed), measured })
      }
    }
  }
  const running = (room: string, source: string, minutes: number, people: number): Meeting => ({
    room,
    source,
    startAt: Math.round(now - minutes * minuteMs),
    endAt: Number.POSITIVE_INFINITY,
    people,
    random: createRandom(minutes),
    measured: people < 10,
  })
  meetings.push(running('demo-workshop', 'livekit-demo', 47, 23), running('demo-support', 'events', 12, 3))
  return meetings.sort((a, b) => a.startAt - b.startAt)
}

/** The facts of one meeting, as a media server would report them. */
export function writeMeeting(
  meeting: Meeting,
  { roomId, faces, now }: { roomId: string; faces: Face[]; now: number },
): Fact[] {
  const { room, source, startAt, endAt, people, random, measured } = meeting
  const sessionKey = `${room} ${startAt}`
  const isRunning = endAt > now
  const until = isRunning ? now : endAt
  const facts: Fact[] = []
  const base = (what: string, at: number) => ({
    id: `rollcall:demo ${sessionKey} ${what}`,
    source,
    roomId,
    sessionKey,
    at: Math.round(at),
    receivedAt: now,
  })
  facts.push({ type: 'session-started', ...base('start', startAt) })
  const first = Math.floor(random() * faces.length)
  for (let i = 0; i < people; i++) {
    const face = faces[(first + i * 7) % faces.length]
    if (face === undefined) continue
    const { participantId, name } = face
    let joinAt = startAt + (i === 0 ? 0 : random() ** 2 * Math.min(0.35 * (until - startAt), 9 * minuteMs))
    const breaks = random() < 0.18 ? 1 : 0
    for (let stay = 0; stay <= breaks; stay++) {
      const who = { participantId, connectionId: `${participantId} ${stay}` }
      facts.push({ type: 'participant-joined', ...base(`${participantId} in ${stay}`, joinAt), ...who, name })
      const isLast = stay === breaks
      const leaveAt = isLast
        ? until - (random() < 0.7 ? random() * 20_000 : random() ** 2 * 0.5 * (until - joinAt))
        : joinAt + (0.2 + random() * 0.4) * (until - joinAt)
      const staysOn = isLast && (isRunning ? random() < 0.8 : random() < 0.25)
      if (measured) facts.push(...writeQuality({ joinAt, leaveAt, who, base, random }))
      if (staysOn) break
      const isSilent = random() < 0.06
      facts.push({
        type: 'participant-left',
        ...base(`${participantId} out ${stay}`, leaveAt),
        ...who,
        ...(isSilent ? { inferred: 'connection-silent' as const } : { reason: isLast ? 'left' : 'disconnected' }),
      })
      joinAt = leaveAt + (0.3 + random()) * minuteMs
      if (joinAt >= until) break
    }
  }
  if (!isRunning) facts.push({ type: 'session-ended', ...base('end', endAt) })
  return facts
}

type Measured = {
  joinAt: number
  leaveAt: number
  who: { participantId: string; connectionId: string }
  base: (
    what: string,
    at: number,
  ) => { id: string; source: string; roomId: string; sessionKey: string; at: number; receivedAt: number }
  random: () => number
}

function writeQuality({ joinAt, leaveAt, who, base, random }: Measured): Fact[] {
  const facts: Fact[] = []
  const far = 20 + random() * 90
  for (let at = joinAt + sampleMs; at < leaveAt; at += sampleMs) {
    const trouble = random() < 0.05 ? 3 : 1
    const rtt = far * (0.9 + random() * 0.3) * trouble
    facts.push({
      type: 'quality',
      ...base(`${who.connectionId} quality ${at}`, at),
      ...who,
      stats: {
        recvAudioPacketLost: Math.floor(random() * 3 * trouble),
        recvVideoPacketLost: Math.floor(random() * 8 * trouble),
        averageAudioRtt: round(rtt),
        averageVideoRtt: round(rtt * 1.05),
        averageAudioJitter: round(2 + random() * 6 * trouble),
        averageVideoJitter: round(5 + random() * 12 * trouble),
        averageSendAudioBitrate: round(30_000 + random() * 4000),
        averageSendVideoBitrate: round((800_000 + random() * 300_000) / trouble),
        averageRecvAudioBitrate: round(31_000 + random() * 4000),
        averageRecvVideoBitrate: round((1_900_000 + random() * 700_000) / trouble),
      },
    })
  }
  return facts
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

const givenNames =
  'Ada,Alan,Amina,Aroha,Bo,Carla,Chidi,Dana,Edsger,Elif,Farid,Grace,Hana,Ines,Ivan,Jun,Kofi,Lena,Leslie,Malik,Mei,Nadia,Noor,Olga,Pablo,Priya,Quentin,Radia,Sofia,Tim'.split(
    ',',
  )
const familyNames = 'Abara,Berg,Costa,Diaz,Eriksen,Fontaine,Gupta,Haddad,Ito,Jansen'.split(',')

/** Three hundred people. */
export function facesOf(): Face[] {
  return familyNames.flatMap((family) =>
    givenNames.map((given) => ({ participantId: `${given}.${family}`.toLowerCase(), name: `${given} ${family}` })),
  )
}

/** Numbers from 0 to 1 that only look random (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
