import { NativeSelect, Stack, Text } from '@mantine/core'
import type { Source, SourceType } from '@rollcall/protocol'
import { useState } from 'react'
import { MakeDialog } from '../make-dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { Arrivals } from './arrivals.tsx'
import { engines, readSource, SourceFields } from './fields.tsx'
import { Setup } from './setup.tsx'

const types = Object.entries(engines).map(([value, { title }]) => ({ value, label: title }))
/** Whose sender is told a secret that is made here where none is given. */
const secretOf: { [type in SourceType]?: 'secret' | 'password' } = {
  jitsi: 'secret',
  janus: 'password',
  generic: 'secret',
}

type Added = { source: Source; hasNewSecret: boolean }

/** A button, the form behind it, and after that what is to be done in the media server. */
export function AddSource({ sources, onAdded }: { sources: Source[] | undefined; onAdded: () => void }) {
  const { rollcall } = useSignedIn()
  const [type, setType] = useState<SourceType>('livekit')
  const add = async (form: FormData): Promise<Added> => {
    const given = readSource(form, type)
    const source = await rollcall.createSource({ type, ...given })
    const secret = secretOf[type]
    onAdded()
    return { source, hasNewSecret: secret !== undefined && given[secret] === undefined }
  }
  return (
    <MakeDialog
      button="Add a source"
      titleOf={(added) => (added === undefined ? 'Add a source' : `${added.source.name} is added`)}
      make={add}
      show={(added) => <WhatNow added={added} source={sources?.find(({ id }) => id === added.source.id)} />}
      submitLabel="Add"
      isLarge
    >
      <NativeSelect
        label="Media server"
        value={type}
        onChange={(event) => setType(event.currentTarget.value as SourceType)}
        data={types}
      />
      <SourceFields key={type} type={type} />
    </MakeDialog>
  )
}

/** @param source as it is by now */
function WhatNow({
  added: { source: first, hasNewSecret },
  source = first,
}: {
  added: Added
  source?: Source | undefined
}) {
  return (
    <Stack>
      <Text size="sm">
        Put these lines into its configuration.
        {hasNewSecret && ' The secret in them was made for it. Keep it now: it is not shown again.'}
      </Text>
      <Setup source={first} />
      <Arrivals source={source} />
    </Stack>
  )
}
