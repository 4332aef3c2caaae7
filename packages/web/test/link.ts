import { createLink } from '../../server/src/api/auth/sign-in-link.ts'
import type { TestServer } from '../../server/test/support/start-server.ts'

/** The link that `npm start` prints. */
export async function makeLink({
  context,
  apiKey,
  url,
}: Pick<TestServer, 'context' | 'apiKey' | 'url'>): Promise<string> {
  const key = await context.reads.keys.find(apiKey)
  if (key === undefined) throw new Error(`no key ${apiKey}`)
  return createLink(key, url, context)
}
