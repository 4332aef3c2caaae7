import { randomBytes } from 'node:crypto'
import { after, before, describe } from 'node:test'
import { openStore } from '../src/open-store.ts'
import { toRules } from '../src/rules.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { storeContract } from './store-contract.ts'

describe('the store on PostgreSQL', () => {
  let postgres: Postgres
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres.stop())

  storeContract(async () => {
    const databaseUrl = await postgres.newDatabase()
    const masterKey = randomBytes(32)
    const rules = toRules({ graceMs: 20_000 })
    return {
      open: (clock) => openStore({ databaseUrl, masterKey, dataFolder: '', rules, clock }),
      remove: async () => {},
    }
  })
})
