import { Text } from '@mantine/core'
import { MakeDialog } from '../make-dialog.tsx'
import { useSignedIn } from '../signed-in.tsx'
import { KeySecret } from './key-secret.tsx'

/** Asks first; then it shows the new secret, this once. */
export function RotateKey({ apiKey, name, onRotated }: { apiKey: string; name: string; onRotated: () => void }) {
  const { rollcall } = useSignedIn()
  const title = `New secret for ${name}`
  const rotate = async () => {
    const rotated = await rollcall.keys.rotateSecret(apiKey)
    onRotated()
    return rotated
  }
  return (
    <MakeDialog
      button="New secret"
      buttonProps={{ variant: 'default', size: 'xs', 'aria-label': title }}
      titleOf={() => title}
      make={rotate}
      show={(rotated) => <KeySecret of={rotated} />}
      submitLabel="Make it"
    >
      <Text>The old secret stays good beside the new one for a day.</Text>
    </MakeDialog>
  )
}
