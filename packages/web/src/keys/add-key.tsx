import { Checkbox, Stack, TextInput } from '@mantine/core'
import type { KeyScope } from '@rollcall/client'
import { MakeDialog } from '../make-dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { textOf } from '../submit.ts'
import { KeySecret } from './key-secret.tsx'

const scopes: { [scope in KeyScope]: string } = {
  read: 'Read the record',
  ingest: 'Bring events and imports',
  rooms: 'Run rooms: make, invite, join, end',
  all: 'Everything, keys included',
}

/** A button, and the form behind it. */
export function AddKey({ onAdded }: { onAdded: () => void }) {
  const { rollcall } = useSignedIn()
  const add = async (form: FormData) => {
    const ends = textOf(form, 'expiresAt')
    const added = await rollcall.keys.create({
      name: textOf(form, 'name'),
      scopes: form.getAll('scopes') as KeyScope[],
      expiresAt: ends === '' ? 'never' : new Date(`${ends}T00:00`).toISOString(),
    })
    onAdded()
    return added
  }
  return (
    <MakeDialog
      button="Add a key"
      titleOf={(added) => (added === undefined ? 'Add a key' : `The key ${added.name} is there`)}
      make={add}
      show={(added) => <KeySecret of={added} />}
      submitLabel="Add"
    >
      <TextInput name="name" label="Name" description="What or whom it is for" required data-autofocus />
      <Checkbox.Group label="May do" defaultValue={['read']}>
        <Stack gap="xs" mt="xs">
          {Object.entries(scopes).map(([scope, label]) => (
            <Checkbox key={scope} name="scopes" value={scope} label={label} />
          ))}
        </Stack>
      </Checkbox.Group>
      <TextInput name="expiresAt" type="date" label="Ends" description="Left empty, it does not end" />
    </MakeDialog>
  )
}
