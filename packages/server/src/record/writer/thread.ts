import { parentPort, workerData } from 'node:worker_threads'
import type { Rules } from '../../ledger/state.ts'
import { createSecretBox } from '../../store/database/secrets.ts'
import { openSqlite } from '../../store/database/sqlite.ts'
import { createBatch } from './batch.ts'
import { type Parcel, packAnswers, unpack } from './packed.ts'

// The thread that writes to SQLite, whose calls block.

export type WriterData = { path: string; masterKey: Uint8Array; rules: Rules }

const { path, masterKey, rules } = workerData as WriterData
const port = parentPort
if (port === null) throw new Error('the writer runs as a worker thread')
const db = openSqlite(path)
const batch = createBatch(db, { box: createSecretBox(Buffer.from(masterKey)), rules }, (answers) =>
  port.postMessage(packAnswers(answers)),
)

port.on('message', (parcel: Parcel | 'close') => {
  if (parcel !== 'close') return batch(unpack(parcel))
  db.close()
  port.close()
})
