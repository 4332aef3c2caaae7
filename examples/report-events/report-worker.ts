import { randomUUID } from 'node:crypto'
import type { ReportedEvent, Reporter } from '@rollcall/client'
import type { Router, Transport, Worker } from './sfu.ts'

/** Everybody who is inside is told this often, in milliseconds: what was lost on the way is mended so. */
const snapshotIntervalMs = 60_000

/** Reports each router of a worker as a session, and each transport as a connection of its participant. */
export function reportWorker(worker: Worker, reporter: Reporter): void {
  // Whoever this server had inside before it started is gone.
  add({ id: `${randomUUID()}:started`, type: 'source-started', at: Date.now() })
  worker.observer.on('newrouter', reportRouter)

  function reportRouter(router: Router): void {
    const inside = new Set<Transport>()
    const session = { roomId: router.appData.roomId, sessionKey: router.id }
    add({ ...session, id: `${router.id}:opened`, type: 'session-started', at: Date.now() })

    router.observer.on('newtransport', (transport) => {
      const participant = toParticipant(transport)
      inside.add(transport)
      add({ ...session, ...participant, id: `${transport.id}:in`, type: 'participant-joined', at: Date.now() })
      transport.observer.once('close', () => {
        inside.delete(transport)
        add({ ...session, ...participant, id: `${transport.id}:out`, type: 'participant-left', at: Date.now() })
      })
    })

    const snapshots = setInterval(() => {
      const participants = [...inside].map(toParticipant)
      add({ ...session, id: `${router.id}:${Date.now()}`, type: 'snapshot', at: Date.now(), participants })
    }, snapshotIntervalMs)
    router.observer.once('close', () => {
      clearInterval(snapshots)
      add({ ...session, id: `${router.id}:closed`, type: 'session-ended', at: Date.now() })
    })
  }

  /** A media server does not wait for its record: what could not be taken is said. */
  function add(event: ReportedEvent): void {
    reporter.add(event).catch((error) => console.error(`${event.type} was not reported: ${error.message}`))
  }
}

/** A person may have several connections: in the record they are one stay where they overlap. */
function toParticipant({ id, appData }: Transport) {
  return { participantId: appData.participantId, name: appData.name, connectionId: id }
}
