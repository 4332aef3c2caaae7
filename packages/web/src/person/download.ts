import type { Person, Rollcall } from '@rollcall/client'
import { zone } from '../formats.ts'
import { saveFile } from '../save-file.ts'
import { toCsv } from '../to-csv.ts'

const local = new Intl.DateTimeFormat('sv', { dateStyle: 'short', timeStyle: 'medium', timeZone: zone })

/** Every time inside of a person, a line each, in the chosen zone. */
export async function downloadStays(rollcall: Rollcall, person: Person): Promise<void> {
  const rows: (string | number)[][] = [
    ['room', 'session', 'participant', 'name', `joined (${zone})`, `left (${zone})`, 'seconds'],
  ]
  for await (const { customRoomId, roomId, sessionId, participantId, name, stays } of rollcall.people.sessions(
    person.id,
    {
      perPage: 500,
    },
  )) {
    for (const { start, end } of stays) {
      const until = end === null ? Date.now() : Date.parse(end)
      const times = [local.format(Date.parse(start)), end === null ? '' : local.format(until)]
      rows.push([customRoomId ?? roomId, sessionId, participantId, name, ...times, (until - Date.parse(start)) / 1000])
    }
  }
  saveFile(new Blob([toCsv(rows)], { type: 'text/csv' }), `${person.name || person.id}-stays.csv`)
}
