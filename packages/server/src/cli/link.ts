import { createLink } from '../api/auth/sign-in-link.ts'
import { systemClock } from '../runtime/clock.ts'
import { onStore, requireEnabledKey, serverUrl } from './command.ts'

export const link = onStore(
  'link',
  'Make a link that opens the dashboard signed in: it works once, for ten minutes',
  { key: { type: 'string', description: 'The API key; without it, the first that is enabled' } },
  async ({ key: apiKey }, store, config) => {
    const { reads, writes } = store
    const key = await requireEnabledKey(reads, apiKey)
    return `${await createLink(key, await serverUrl(store, config), { reads, writes, clock: systemClock })}\n`
  },
)
