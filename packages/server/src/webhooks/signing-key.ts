import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { Context } from '../context.ts'
import type { SigningKey } from '../store/signing-keys.ts'

/** Bits of the RSA key, as the hosted service has it. */
const modulusLength = 2048

/** The RSA key that webhooks are signed with: generated at its first use, and the same from then on. */
export function createSigningKey({ reads, writes }: Pick<Context, 'reads' | 'writes'>): () => Promise<SigningKey> {
  let known: Promise<SigningKey> | undefined
  return () => {
    known ??= findOrMake().catch((error) => {
      known = undefined
      throw error
    })
    return known
  }

  async function findOrMake(): Promise<SigningKey> {
    const kept = await reads.signingKeys.find()
    if (kept !== undefined) return kept
    const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
      modulusLength,
      publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    // Two processes may generate one at the same time: the first to write it wins, and both get that one.
    return writes.signingKeys.keep({ publicPem: publicKey, privatePem: privateKey })
  }
}
