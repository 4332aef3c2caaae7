import { defineCommand } from 'citty'
import { onStore } from '../command.ts'
import { demoApiKey } from './demo.ts'

const remove = onStore('remove', 'Remove what `npm start -- --demo` recorded', {}, async (_, { writes }) => {
  const isRemoved = await writes.keys.remove({ apiKey: demoApiKey })
  return isRemoved ? 'The demo data is removed.\n' : 'There is no demo data.\n'
})

export const demo = defineCommand({
  meta: { name: 'demo', description: 'Demo data' },
  subCommands: { remove },
})
