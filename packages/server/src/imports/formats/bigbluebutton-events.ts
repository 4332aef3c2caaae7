import { SaxesParser } from 'saxes'
import { Refusal } from '../../error.ts'
import type { Format, ImportedSession, ImportedStay } from '../format.ts'
import { decodeText } from '../text.ts'

type Meeting = { id: string | undefined; externalId: string | undefined }
/** An event of `events.xml`: the texts of its elements, by their names. */
type Event = { line: number; module: string; name: string; timestamp: number; texts: { [name: string]: string } }

/**
 * The `events.xml` that BigBlueButton keeps of a recorded meeting. `timestamp` counts the milliseconds since the server started;
 * `timestampUTC` is the time, and in old files, which lack it, the time of the first event follows from the meeting's id. Whoever was
 * inside at the end has no leave.
 */
export const bigbluebuttonEvents: Format = {
  title: 'BigBlueButton: the events.xml of a recorded meeting',
  read(bytes) {
    const { meeting, events } = readEvents(decodeText(bytes))
    const { id, externalId: room = id } = meeting
    if (id === undefined || room === undefined) {
      throw new Refusal('BAD_REQUEST', 'The file has no recording with a meeting_id: it is no events.xml')
    }
    const timeOf = createClock(id, events)
    const times = events.flatMap((event) => timeOf(event) ?? [])
    if (times.length === 0) throw new Refusal('BAD_REQUEST', 'The file has no event with a time')
    const [startAt, lastAt] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))]
    const end = events.find(({ name }) => name === 'EndAndKickAllEvent')
    const session: ImportedSession = {
      room,
      key: id,
      startAt,
      endAt: (end && timeOf(end)) ?? lastAt,
      isEndInferred: end === undefined,
      stays: readStays(events, timeOf),
    }
    return { sessions: [session], untaken: [] }
  },
}

function readEvents(text: string): { meeting: Meeting; events: Event[] } {
  const parser = new SaxesParser()
  const meeting: Meeting = { id: undefined, externalId: undefined }
  const events: Event[] = []
  let event: Event | undefined
  let name = ''
  parser.on('opentag', ({ name: tag, attributes }) => {
    name = tag
    if (tag === 'recording') meeting.id ??= attributes.meeting_id
    else if (tag === 'meeting') meeting.externalId ??= attributes.externalId
    else if (tag === 'metadata') meeting.externalId ??= attributes.meetingId
    else if (tag === 'event') {
      const { module = '', eventname = '', timestamp } = attributes
      event = { line: parser.line, module, name: eventname, timestamp: Number(timestamp), texts: {} }
    }
  })
  const onText = (part: string) => {
    if (event !== undefined) event.texts[name] = (event.texts[name] ?? '') + part
  }
  parser.on('text', onText)
  parser.on('cdata', onText)
  parser.on('closetag', ({ name: tag }) => {
    name = ''
    if (tag !== 'event' || event === undefined) return
    // What is said and written is in the same file, and is not kept.
    if (event.module === 'PARTICIPANT') events.push(event)
    event = undefined
  })
  parser.on('error', (error) => {
    throw new Refusal('BAD_REQUEST', `The file is not XML: ${error.message}`)
  })
  parser.write(text).close()
  return { meeting, events }
}

type TimeOf = (event: Event) => number | undefined

/** A meeting's id ends in the time of its creation. */
function createClock(meetingId: string, [first]: Event[]): TimeOf {
  const createdAt = Number(/-(\d{13})$/.exec(meetingId)?.[1])
  return ({ texts: { timestampUTC }, timestamp }) => {
    const at = timestampUTC === undefined ? createdAt + timestamp - (first?.timestamp ?? 0) : Number(timestampUTC)
    return Number.isFinite(at) ? at : undefined
  }
}

function readStays(events: Event[], timeOf: TimeOf): ImportedStay[] {
  const stays: ImportedStay[] = []
  const inside = new Map<string, ImportedStay>()
  for (const event of events) {
    const { userId = '', externalUserId, name, role } = event.texts
    const at = timeOf(event)
    if (userId === '' || at === undefined) continue
    if (event.name === 'ParticipantJoinEvent') {
      const stay: ImportedStay = {
        where: `line ${event.line}`,
        participantId: externalUserId || userId,
        connectionId: userId,
        name,
        metadata: role === undefined ? undefined : { role },
        joinedAt: at,
        leftAt: undefined,
      }
      inside.set(userId, stay)
      stays.push(stay)
    } else if (event.name === 'ParticipantLeftEvent') {
      const stay = inside.get(userId)
      if (stay !== undefined) stay.leftAt = at
      inside.delete(userId)
    }
  }
  return stays
}
