import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Seals and opens secrets at rest: AES-256-GCM under the master key, a new nonce each time. */
export type SecretBox = {
  seal(secret: string): string
  open(sealed: string): string
}

const version = 'v1'

/** @param masterKey 32 bytes */
export function createSecretBox(masterKey: Buffer): SecretBox {
  const opened = new Map<string, string>()
  return {
    seal(secret) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce)
      const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return [version, nonce.toString('base64url'), body.toString('base64url')].join('.')
    },
    open(sealed) {
      const known = opened.get(sealed)
      if (known !== undefined) return known
      const [, nonce = '', body = ''] = sealed.split('.')
      const bytes = Buffer.from(body, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', masterKey, Buffer.from(nonce, 'base64url'))
      decipher.setAuthTag(bytes.subarray(-16))
      const secret = decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
      if (opened.size >= openedMax) opened.clear()
      opened.set(sealed, secret)
      return secret
    },
  }
}

/** Most secrets kept open in memory. */
const openedMax = 10_000

/** A secret to sign tokens with: 256 bits, as 64 hex digits. */
export function newSecret(): string {
  return randomBytes(32).toString('hex')
}
