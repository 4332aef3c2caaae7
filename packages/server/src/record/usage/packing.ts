import { noun, type Over } from '../../store/noun.ts'
import { sessions } from '../../store/sessions/sessions.ts'
import { usage } from '../../store/usage.ts'
import { readTimesOf, type TimesReads } from '../session-times.ts'
import { createDayPacker } from './packed-day.ts'

/** `breaks`: those that were noted before it was read. `isWhole`: every session that is over is sealed. */
export type PackedDay = { breaks: string[]; isWhole: boolean; sessions: number; packed: string; rooms: string }

/** The sessions of a day in one text, and their rooms in another. */
export const packing = noun({
  reads: {
    /** Packs the sealed sessions that started in a day: all is read from where it is written, for a copy may be behind. */
    async pack(over: Over, keyId: number, startAt: number): Promise<PackedDay> {
      const { breaks, sealed, isWhole } = await usage.reads.dayToPack(over, keyId, startAt)
      const reads: TimesReads = {
        sessions: {
          listSealedHeads: (...asked) => sessions.reads.listSealedHeads(over, ...asked),
          times: (...asked) => sessions.reads.times(over, ...asked),
        },
      }
      const packer = createDayPacker(startAt)
      for await (const session of readTimesOf(reads, keyId, sealed)) packer.add(session)
      return { breaks, isWhole, ...packer.finish() }
    },
  },
  writes: {},
})
