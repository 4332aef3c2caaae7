import { Button, Modal, Stack, Text, TextInput } from '@mantine/core'
import { WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'

/** Longest that the server takes, in days. */
const daysMax = 36_500

/** Asks for how many days sessions are kept. */
export function RetentionDialog({
  title,
  days,
  otherwise,
  save,
  opened,
  onClose,
}: {
  title: string
  /** What is said so far; undefined: nothing. */
  days: number | undefined
  /** What holds where nothing is said. */
  otherwise: string
  save: (days: number | null) => Promise<unknown>
  opened: boolean
  onClose: () => void
}) {
  const { failure, busy, submit } = useSubmit(async (form) => {
    const said = textOf(form, 'days')
    await save(said === '' ? null : Number(said))
    onClose()
  })
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="days"
            type="number"
            min={1}
            max={daysMax}
            step={1}
            label="Days"
            description={`Left empty: ${otherwise}`}
            defaultValue={days}
            data-autofocus
          />
          <Text size="sm">
            So many days after its end a session is erased, with the names and times of everybody in it, for good. What
            is older already goes within minutes, and what came in is kept in the log no longer either.
          </Text>
          <WhatWentWrong>{failure}</WhatWentWrong>
          <Button type="submit" loading={busy}>
            Save
          </Button>
        </Stack>
      </form>
    </Modal>
  )
}

/** In words. */
export function describeDays(days: number | null): string {
  if (days === null) return 'kept for ever'
  return `erased ${days === 1 ? 'a day' : `${days} days`} after their end`
}
