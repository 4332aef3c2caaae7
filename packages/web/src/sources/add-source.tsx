import { Button, Modal, NativeSelect, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Source, SourceType } from '@rollcall/protocol'
import { useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { WhatWentWrong } from '../states.tsx'
import { useSubmit } from '../submit.ts'
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
  const [opened, { open, close }] = useDisclosure()
  const [type, setType] = useState<SourceType>('livekit')
  const [added, setAdded] = useState<Added>()
  const { failure, busy, submit } = useSubmit(async (form) => {
    const given = readSource(form, type)
    const source = await rollcall.createSource({ type, ...given })
    const secret = secretOf[type]
    setAdded({ source, hasNewSecret: secret !== undefined && given[secret] === undefined })
    onAdded()
  })
  const leave = () => {
    setAdded(undefined)
    close()
  }
  return (
    <>
      <Button onClick={open}>Add a source</Button>
      <Modal
        opened={opened}
        onClose={leave}
        title={added === undefined ? 'Add a source' : `${added.source.name} is added`}
        size="lg"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {added !== undefined ? (
          <WhatNow added={added} source={sources?.find(({ id }) => id === added.source.id)} />
        ) : (
          <form onSubmit={submit}>
            <Stack>
              <NativeSelect
                label="Media server"
                value={type}
                onChange={(event) => setType(event.currentTarget.value as SourceType)}
                data={types}
              />
              <SourceFields key={type} type={type} />
              <WhatWentWrong>{failure}</WhatWentWrong>
              <Button type="submit" loading={busy}>
                Add
              </Button>
            </Stack>
          </form>
        )}
      </Modal>
    </>
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
