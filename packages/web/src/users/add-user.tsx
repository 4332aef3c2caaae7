import { TextInput } from '@mantine/core'
import { MakeDialog } from '../make-dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { textOf } from '../submit.ts'
import { NewPassword } from './new-password.tsx'
import { RoleFields, readRole } from './role-fields.tsx'

/** A button, and the form behind it; then it shows the first password, this once. */
export function AddUser({ onAdded }: { onAdded: () => void }) {
  const { rollcall } = useSignedIn()
  const add = async (form: FormData) => {
    const added = await rollcall.users.create({ name: textOf(form, 'name'), ...readRole(form) })
    onAdded()
    return added
  }
  return (
    <MakeDialog
      button="Add a user"
      titleOf={(added) => (added === undefined ? 'Add a user' : `${added.name} may sign in`)}
      make={add}
      show={(added) => <NewPassword of={added} />}
      submitLabel="Add"
    >
      <TextInput
        name="name"
        label="Name"
        description="A name or an address of mail, to sign in with"
        required
        data-autofocus
        spellCheck={false}
        autoComplete="off"
      />
      <RoleFields />
    </MakeDialog>
  )
}
