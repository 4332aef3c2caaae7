import { PasswordInput, TextInput } from '@mantine/core'
import type { Source, SourceChanges, SourceSettings, SourceType } from '@rollcall/protocol'
import { textOf } from '../submit.ts'

type Field = { label: string; description: string; isSecret?: true; isRequired?: true; placeholder?: string }
type Engine<T extends SourceType> = { title: string; fields: { [name in keyof SourceSettings[T]]-?: Field } }

const apiUrl = (about: string): Field => ({
  label: 'Address of its API',
  description: `${about} With it Rollcall asks who is inside, and ends sessions there`,
  placeholder: 'https://media.example.org',
})
const made = (what: string) => `${what} Left empty, one is made, and is in the lines to paste`

/** What each kind of media server takes, as people read it. */
export const engines: { [T in SourceType]: Engine<T> } = {
  livekit: {
    title: 'LiveKit',
    fields: {
      apiKey: { label: 'API key', description: 'Of LiveKit: it signs its webhooks with it', isRequired: true },
      secret: { label: 'API secret', description: 'Of that key', isSecret: true, isRequired: true },
      url: apiUrl('Where LiveKit is.'),
    },
  },
  janus: {
    title: 'Janus',
    fields: {
      user: { label: 'User', description: 'That it sends; left empty, rollcall' },
      password: { label: 'Password', description: made('That it sends.'), isSecret: true },
      url: { ...apiUrl('Where its HTTP API is.'), placeholder: 'http://janus.example.org:8088/janus' },
      apiSecret: { label: 'api_secret', description: 'Of its HTTP API, where it has one', isSecret: true },
      roomSecret: { label: 'Secret of its rooms', description: 'Only with it can people be removed', isSecret: true },
    },
  },
  jitsi: {
    title: 'Jitsi',
    fields: { secret: { label: 'Secret', description: made('That Prosody sends.'), isSecret: true } },
  },
  bigbluebutton: {
    title: 'BigBlueButton',
    fields: {
      secret: { label: 'Secret', description: 'What bbb-conf --secret prints', isSecret: true, isRequired: true },
      callbackUrl: {
        label: 'Address it calls',
        description: 'Only where a proxy in between changes it on the way',
        placeholder: 'https://rollcall.example.org/v2/ingest/…',
      },
    },
  },
  videosdk: {
    title: 'VideoSDK, or another Rollcall',
    fields: {
      publicKeyUrl: {
        label: 'Address of its public key',
        description: 'Left empty, that of VideoSDK; of a Rollcall: its own',
        placeholder: 'https://rollcall.example.org/v2/public/rsa-public-key',
      },
    },
  },
  generic: {
    title: 'Anything that can send a header',
    fields: { secret: { label: 'Secret', description: made('That it sends.'), isSecret: true } },
  },
}

export function fieldsOf(type: SourceType): [name: string, field: Field][] {
  return Object.entries(engines[type].fields)
}

/** For a new source, or to change one: of that what is not said stays. */
export function SourceFields({ type, source }: { type: SourceType; source?: Source }) {
  const stays = source === undefined ? {} : { placeholder: 'stays as it is' }
  return (
    <>
      <TextInput
        name="name"
        label="Name"
        description="Which one it is"
        placeholder="eu-1"
        defaultValue={source?.name}
        required
        data-autofocus
      />
      {fieldsOf(type).map(([name, { label, description, isSecret, isRequired, placeholder }]) => {
        const input = {
          ...{ key: name, name, label, description, autoComplete: 'off', spellCheck: false, placeholder, ...stays },
          required: isRequired === true && source === undefined,
        }
        const { key, ...props } = input
        return isSecret ? (
          <PasswordInput key={key} {...props} />
        ) : (
          <TextInput key={key} {...props} defaultValue={source?.settings[name]} />
        )
      })}
    </>
  )
}

/** What was said; the fields that were left empty are not among it. */
export function readSource(form: FormData, type: SourceType): SourceChanges & { name: string } {
  const given = fieldsOf(type).map(([name]) => [name, textOf(form, name)] as const)
  return { name: textOf(form, 'name'), ...Object.fromEntries(given.filter(([, text]) => text !== '')) }
}
