import { scryptSync } from 'node:crypto'

/** What is kept of a password that takes no third of a second to look at: for users of whom a test asks something else. */
export function quickHash(password: string): string {
  const [N, r, p] = [2, 1, 1]
  const salt = Buffer.from('salt')
  const hash = scryptSync(password, salt, 32, { N, r, p })
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}
