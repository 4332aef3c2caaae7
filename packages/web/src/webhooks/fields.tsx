import { Code, TextInput } from '@mantine/core'
import type { NewWebhook, WebhookEndpoint } from '@rollcall/client'
import { WhatWentWrong } from '../states.tsx'
import { textOf } from '../submit.ts'

/** What a person says of an endpoint: for a new one, or to change one. */
export function EndpointFields({
  endpoint,
  failure,
}: {
  endpoint?: Pick<WebhookEndpoint, 'endPoint' | 'events'>
  failure: string | undefined
}) {
  return (
    <>
      <TextInput
        name="endPoint"
        type="url"
        label="Address"
        description="Where webhooks are sent, by POST"
        placeholder="https://example.org/hook"
        defaultValue={endpoint?.endPoint}
        required
        data-autofocus
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        name="events"
        label="Events"
        description={
          <>
            Which, with commas between: names such as <Code>session-ended</Code>, or globs such as{' '}
            <Code>participant-*</Code>
          </>
        }
        defaultValue={(endpoint?.events ?? ['*']).join(', ')}
        required
        autoComplete="off"
        spellCheck={false}
      />
      <WhatWentWrong>{failure}</WhatWentWrong>
    </>
  )
}

export function readEndpoint(form: FormData): NewWebhook {
  const events = textOf(form, 'events').split(/[\s,]+/)
  return { endPoint: textOf(form, 'endPoint'), events: events.filter((event) => event !== '') }
}
