import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Fact, FactBase, ParticipantKind, SessionFact, Snapshot } from '@rollcall/protocol'
import { rebuild } from '../../src/cli/rebuild/rebuild.ts'
import { verify } from '../../src/cli/verify/verify.ts'
import { toRules } from '../../src/config.ts'
import { openStore } from '../../src/record/open-store.ts'
import { toSession } from '../../src/record/session-view.ts'
import { openFreshSqlite, snapshotSqlite } from '../../src/store/copies/kept-tables.ts'
import { builtThread } from '../support/built-server.ts'
import { dataParent } from '../support/data-parent.ts'
import { toRecords } from '../support/listed-records.ts'

/** All times of a history are seconds from here; tests give and get them so. */
export const start = Date.UTC(2026, 0, 5, 9, 0, 0)
export const minute = 60
export const hour = 3600

type Extra = {
  /** Default: one of its own. */
  id?: string
  connectionId?: string
  name?: string
  kind?: ParticipantKind
  metadata?: number
  reason?: string
  joinedAt?: number
  isUndated?: true
  /** When it came. Default: when it happened. */
  receivedAt?: number
}
type Present = {
  participantId: string
  connectionId?: string
  name?: string
  kind?: ParticipantKind
  joinedAt?: number
}

/** Somebody who tells facts: of one source, one room, and one session where it has a name. */
export function reporter({ source = 'events', roomId = 'room', sessionKey }: Partial<FactBase> = {}) {
  let told = 0
  const about = (type: string, at: number, extra: Extra = {}) => {
    told += 1
    return {
      type,
      id: `${source} ${roomId} ${sessionKey} ${told}`,
      source,
      roomId,
      ...(sessionKey !== undefined && { sessionKey }),
      ...extra,
      ...(extra.joinedAt !== undefined && { joinedAt: toTime(extra.joinedAt) }),
      at: toTime(at),
      receivedAt: toTime(extra.receivedAt ?? at),
    }
  }
  return {
    started: (at: number, extra?: Extra) => about('session-started', at, extra) as Fact,
    ended: (at: number, extra?: Extra & { inferred?: 'superseded' }) => about('session-ended', at, extra) as Fact,
    joined: (participantId: string, at: number, extra?: Extra) =>
      ({ ...about('participant-joined', at, extra), participantId }) as Fact,
    left: (participantId: string, at: number, extra?: Extra & { inferred?: 'connection-silent' }) =>
      ({ ...about('participant-left', at, extra), participantId }) as Fact,
    seen: (participantId: string, at: number, extra?: Extra) =>
      ({ ...about('participant-seen', at, extra), participantId }) as Fact,
    snapshot: (at: number, present: (string | Present)[], extra?: Extra): Fact => ({
      ...(about('snapshot', at, extra) as Snapshot),
      participants: present.map((one) => {
        if (typeof one === 'string') return { participantId: one }
        return { ...one, ...(one.joinedAt !== undefined && { joinedAt: toTime(one.joinedAt) }) }
      }),
    }),
    restarted: (at: number, extra?: Extra) => ({ ...about('source-started', at, extra), roomId: '' }) as Fact,
  }
}

/**
 * A session as a test reads it: `{ session: '0-50 empty?', ann: '0-10 left, 30-50 absent?' }`. From when, to when and
 * why; `?` after what was inferred; nothing after the dash of what goes on.
 */
export type Told = { session: string; [participantId: string]: string }

export type History = Awaited<ReturnType<ReturnType<typeof openHistories>['begin']>>

/** A real store, in which each test has a history of its own. */
export function openHistories() {
  const dataFolder = mkdtempSync(join(dataParent, 'rollcall-ledger-'))
  let now = start
  const rules = toRules({ graceMs: 20_000 })
  const opened = openStore({ dataFolder, rules, clock: { now: () => now }, threadUrl: builtThread })

  return {
    async begin() {
      const store = await opened
      const { keyId } = await store.writes.keys.add({ name: null, email: null })
      const list = (filter = {}) => store.reads.sessions.list(keyId, filter, { page: 1, perPage: 1000 }, 1000)
      const history = {
        /** Records these in the order given, and gives what became of each. */
        async record(...facts: Fact[]) {
          return (await store.record(keyId, facts)).map(({ outcome }) => outcome)
        },
        /** The same with the reasons. */
        recordOne: async (fact: Fact) => (await store.record(keyId, [fact]))[0],
        /** Somebody looks, at this second by the wall clock, whether anything is over. */
        async lookAt(second: number) {
          now = toTime(second)
          await store.sweep(now)
        },
        /** Oldest first. */
        async sessions(): Promise<Told[]> {
          return toRecords((await list()).sessions)
            .map((record) => {
              const { startAt, endAt, endReason, inferred } = record.session
              const view = toSession(record, { now, base: '', key: { apiKey: '', userId: '' } })
              const people = view.participants.map(({ participantId, timelog }) => [
                participantId,
                timelog
                  .map(({ start, end, reason, inferred }) =>
                    tell(Date.parse(start), end === null ? null : Date.parse(end), reason, inferred === true),
                  )
                  .join(', '),
              ])
              return { session: tell(startAt, endAt, endReason, inferred !== null), ...Object.fromEntries(people) }
            })
            .reverse()
        },
        /** The rows themselves, oldest first. */
        records: async () => toRecords((await list()).sessions).reverse(),
        count: async (filter: object) => (await list(filter)).total,
        changes: () => store.reads.changes.after(keyId, 0, 1000),
        /** The log is dropped, as it is after `ROLLCALL_LOG_DAYS`. */
        async forget() {
          const old = [{ keyId, before: Number.MAX_SAFE_INTEGER, isOwn: false }]
          while ((await store.writes.retention.dropLog({ old })) > 0);
        },
        /** Somebody else alters the tables. */
        break(statements: string) {
          const db = new DatabaseSync(join(dataFolder, 'rollcall.db'))
          db.exec(statements)
          db.close()
        },
        /** The raw log, with what was said, in the order in which it was kept. */
        log(): { said: Fact; outcome: string; reason: string | null }[] {
          const db = new DatabaseSync(join(dataFolder, 'rollcall.db'), { readOnly: true })
          const rows = db
            .prepare('select fact_json, outcome, reason from facts where key_id = ? order by seq')
            .all(keyId)
          db.close()
          return rows.map(({ fact_json, outcome, reason }) => ({
            said: JSON.parse(String(fact_json)),
            outcome: String(outcome),
            reason: reason as string | null,
          }))
        },
        /** What was inferred, as the log has it: `ann left 10 absent`, `room ended 20 empty`. */
        inferred() {
          return history
            .log()
            .filter(({ outcome }) => outcome === 'recorded')
            .map(({ said }) => said as SessionFact)
            .flatMap((fact) =>
              'inferred' in fact
                ? `${'participantId' in fact ? `${fact.participantId} left` : `${fact.roomId} ended`} ${toSecond(fact.at)} ${fact.inferred}`
                : [],
            )
        },
      }
      return history
    },
    /** What `rollcall verify` and `rollcall rebuild --dry-run` tell of all histories together. */
    async findFaults(): Promise<string[]> {
      const faults: string[] = []
      const path = join(dataFolder, 'rollcall.db')
      const snapshot = snapshotSqlite(path)
      await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
      await snapshot.close()
      const fresh = await openFreshSqlite(path)
      const report = { tell: (text: string) => faults.push(text), progress: () => {} }
      await rebuild(fresh, rules, report, { dryRun: true })
      await fresh.drop()
      return faults
    },
    async close() {
      await (await opened).close()
      rmSync(dataFolder, { recursive: true })
    },
  }
}

export function toTime(second: number): number {
  return start + Math.round(second * 1000)
}

export function toSecond(at: number): number {
  return (at - start) / 1000
}

function tell(from: number, to: number | null, why: string | null | undefined, inferred: boolean): string {
  if (to === null) return `${toSecond(from)}-`
  return `${toSecond(from)}-${toSecond(to)}${why ? ` ${why}` : ''}${inferred ? '?' : ''}`
}
