import { createLink } from '../api/auth/sign-in-link.ts'
import { addressOf } from '../config.ts'
import { systemClock } from '../runtime/clock.ts'
import { onStore, requireEnabledKey } from './command.ts'

export const link = onStore(
  'link',
  'Make a link that opens the dashboard signed in: it works once, for ten minutes',
  { key: { type: 'string', description: 'The API key; without it, the first that is enabled' } },
  async ({ key: apiKey }, { reads, writes }, config) => {
    const key = await requireEnabledKey(reads, apiKey)
    const base = config.publicUrl ?? addressOf(config)
    return `${await createLink(key, base, { reads, writes, clock: systemClock })}\n`
  },
)
