import { describe } from 'node:test'
import { listContract } from './list-contract.ts'
import { usePostgres } from './postgres-store.ts'

describe('the store on PostgreSQL', () => listContract(usePostgres()))
