import { isPooledByTransaction } from '../../store/database/postgres/pooling.ts'
import {
  findPosition,
  findWhereabouts,
  requireReplicaOf,
  throughPooler,
} from '../../store/database/postgres/replica-connection.ts'
import { openPostgres } from '../../store/database/postgres.ts'

/** From one look at how far it is to the next, in milliseconds. */
const lookMs = 20

/**
 * How long a replica takes to have what its primary has now, in milliseconds; undefined: longer than it may. Throws, in words, where
 * it is not to be used.
 */
export async function measureReplica(
  databaseUrl: string,
  { url, maxAgeMs }: { url: string; maxAgeMs: number },
): Promise<number | undefined> {
  await using opened = new AsyncDisposableStack()
  const open = (address: string) => {
    const db = openPostgres(address, { connections: 1 })
    opened.defer(async () => db.close())
    return db
  }
  const [primary, replica] = [open(databaseUrl), open(url)]
  const ofPrimary = await findWhereabouts((text) => primary.ask(text, []))
  requireReplicaOf(ofPrimary, await findWhereabouts((text) => replica.ask(text, [])))
  if (await isPooledByTransaction(url)) throw throughPooler()
  const startedAt = performance.now()
  for (;;) {
    const position = await findPosition(replica)
    const waitedMs = performance.now() - startedAt
    if (position >= ofPrimary.position) return waitedMs
    if (waitedMs > maxAgeMs) return undefined
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}
