import type { Rules } from '../../ledger/state.ts'
import type { FactStore } from './facts.ts'

/** What applying a fact asks for, once the session is known that it belongs to. */
export type AppliedFacts = Pick<
  FactStore,
  | 'findNamed'
  | 'findLatest'
  | 'getSession'
  | 'listRunning'
  | 'listMarks'
  | 'listAllMarks'
  | 'listInside'
  | 'listUndated'
  | 'othersLastAt'
  | 'pastEndMs'
  | 'saveSession'
  | 'saveParticipant'
  | 'insertMark'
  | 'removeMark'
  | 'emptySession'
  | 'saveMedium'
  | 'appendChange'
>

/** What applying needs: the tables, in memory or inside a transaction, and the rules. */
export type ApplyParts = { facts: AppliedFacts; rules: Rules }
