import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { noun, type Over, query } from './noun.ts'

/** A trial takes as much room as many facts, in bytes: what is left of a disk may take a few. */
const trialBytes = 1024 * 1024
/** A message to a process that there never is. */
const recipient = 'trial'

const leave = query<{ recipient: string; body: string }>((k, p) =>
  k.insertInto('process_messages').values({ recipient: p.recipient, body: p.body }),
)
const clear = query<{ recipient: string }>((k, p) =>
  k.deleteFrom('process_messages').where('recipient', '=', p.recipient),
)

const serviceTime = query<object, { at: number }>((k) =>
  k.selectNoFrom(sql<number>`extract(epoch from clock_timestamp()) * 1000`.as('at')),
)

/** Whether the database takes anything: a write that says nothing, and another that takes it away. */
export const trial = noun({
  reads: {
    /** What PostgreSQL's clock says, in epoch milliseconds; a SQLite file has ours. */
    async findServiceTime({ db }: Over): Promise<number> {
      return Number((await db.all(serviceTime(db), {}))[0]?.at)
    },
  },
  writes: {
    async leave({ db }: Over): Promise<void> {
      // At random, so that it is not packed into less.
      await db.run(leave(db), { recipient, body: randomBytes(trialBytes / 2).toString('hex') })
    },
    async clear({ db }: Over): Promise<void> {
      await db.run(clear(db), { recipient })
    },
  },
  unseen: ['leave', 'clear'],
})
