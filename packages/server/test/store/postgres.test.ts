import { describe } from 'node:test'
import { storeContract } from './contract.ts'
import { usePostgres } from './postgres-store.ts'

describe('the store on PostgreSQL', () => storeContract(usePostgres()))
