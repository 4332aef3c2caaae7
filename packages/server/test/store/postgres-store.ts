import { randomBytes } from 'node:crypto'
import { after, before } from 'node:test'
import { toRules } from '../../src/config.ts'
import { openStore } from '../../src/record/open-store.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import type { StoreUnderTest } from './contract.ts'

let postgres: Postgres

/** An empty store on a service that the tests of this file share. */
export function usePostgres(): () => Promise<StoreUnderTest> {
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres.stop())
  return async () => {
    const options = {
      databaseUrl: await postgres.newStore(),
      masterKey: randomBytes(32),
      dataFolder: '',
      rules: toRules({ graceMs: 20_000 }),
    }
    return {
      open: (clock, factsWaitingMax) => openStore({ ...options, clock, factsWaitingMax }),
      remove: async () => {},
    }
  }
}
