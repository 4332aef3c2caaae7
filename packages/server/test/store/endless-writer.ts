import { writeSync } from 'node:fs'
import { toRules } from '../../src/config.ts'
import { openStore } from '../../src/record/open-store.ts'

// Records joins without end and prints each participant's id once it is acknowledged; whoever started it kills it.
const [, , dataFolder = ''] = process.argv
const store = await openStore({
  dataFolder,
  rules: toRules({ graceMs: 1000 }),
  clock: { now: () => Date.now() },
})
const { keyId } = await store.writes.keys.add({ name: null, email: null })

for (let n = 0; ; n += 10) {
  await Promise.all(
    Array.from({ length: 10 }, async (_, i) => {
      const participantId = `p${n + i}`
      const at = Date.now()
      const fact = {
        type: 'participant-joined',
        source: 'hosted',
        roomId: 'r',
        at,
        receivedAt: at,
        participantId,
      } as const
      await store.record(keyId, [{ ...fact, id: participantId, connectionId: participantId }])
      writeSync(1, `${participantId}\n`)
    }),
  )
}
