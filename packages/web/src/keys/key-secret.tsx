import { Stack } from '@mantine/core'
import type { OwnerKeyWithSecret } from '@rollcall/client'
import { Secret } from '../secret.tsx'

export function KeySecret({ of: { apiKey, secret } }: { of: OwnerKeyWithSecret }) {
  return (
    <Stack>
      <Secret label="API key and secret" value={`API key  ${apiKey}\nSecret   ${secret}`}>
        Tokens are signed with this secret.
      </Secret>
    </Stack>
  )
}
