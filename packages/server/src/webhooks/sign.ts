import { createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { originOf, originsHeader, writeOrigins } from '../record/origins.ts'
import type { WebhookEndpoint } from '../store/outbox/endpoints.ts'
import type { WebhookDelivery } from '../store/outbox/queue.ts'
import type { SigningKey } from '../store/signing-keys.ts'

const signAside = promisify(sign)

/** Makes the headers that prove the sender of a webhook, VideoSDK's and those of Standard Webhooks, and the one that names its origins. */
export function createSigner(signingKey: () => Promise<SigningKey>) {
  let known: { pem: string; key: KeyObject; origin: string } | undefined
  const open = async () => {
    const { privatePem: pem, publicPem } = await signingKey()
    if (known?.pem !== pem) known = { pem, key: createPrivateKey(pem), origin: originOf({ publicPem }) }
    return known
  }
  return async (
    { id, body }: Pick<WebhookDelivery, 'id' | 'body'>,
    endpoint: Pick<WebhookEndpoint, 'secret' | 'previousSecret' | 'previousUntil'>,
    { origins, now }: { origins: string[]; now: number },
  ): Promise<{ [name: string]: string }> => {
    const timestamp = String(Math.floor(now / 1000))
    const { key, origin } = await open()
    const signature = await signAside('RSA-SHA256', Buffer.from(body), key)
    const content = `${id}.${timestamp}.${body}`
    return {
      [originsHeader]: writeOrigins(origin, origins),
      'videosdk-signature': signature.toString('base64'),
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': goodSecrets(endpoint, now)
        .map((secret) => `v1,${hmac(secret, content)}`)
        .join(' '),
    }
  }
}

function goodSecrets(
  { secret, previousSecret, previousUntil }: Pick<WebhookEndpoint, 'secret' | 'previousSecret' | 'previousUntil'>,
  now: number,
): string[] {
  return previousSecret !== null && now < (previousUntil ?? 0) ? [secret, previousSecret] : [secret]
}

function hmac(secret: string, content: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return createHmac('sha256', key).update(content).digest('base64')
}
