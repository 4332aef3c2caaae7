import { Button, Group, Modal, NativeSelect, NumberInput, Stack, Textarea, TextInput } from '@mantine/core'
import type { NewSchedule, Schedule } from '@rollcall/client'
import { useState } from 'react'
import { listZones, zone } from '../formats.ts'
import { WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { type Habit, habits, toHabit, toRule } from './recurs.ts'

/** Says when a room should be used and by whom: anew, or of a schedule that there is. */
export function Editor({
  title,
  schedule,
  roomId,
  save,
  close,
}: {
  title: string
  schedule?: Schedule | undefined
  roomId?: string | undefined
  save: (schedule: NewSchedule) => Promise<void>
  close: () => void
}) {
  const { failure, busy, submit } = useSubmit(async (form) => {
    await save(readForm(form))
    close()
  })
  return (
    <Modal opened onClose={close} title={title} centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="name"
            label="Name"
            defaultValue={schedule?.name}
            required
            data-autofocus
            autoComplete="off"
          />
          <TextInput
            name="rooms"
            label="Rooms"
            description="Ids or your own names for them, with commas between: whoever is inside any of them is there"
            defaultValue={schedule?.roomIds.join(', ') ?? roomId}
            required
            autoComplete="off"
            spellCheck={false}
          />
          <WhenFields schedule={schedule} />
          <Textarea
            name="roster"
            label="Who is expected"
            description="A line each: a participantId, or the id of a person, and perhaps a comma and a name"
            defaultValue={schedule?.roster.map(toLine).join('\n')}
            autosize
            minRows={3}
            maxRows={10}
            spellCheck={false}
          />
          <WhatWentWrong>{failure}</WhatWentWrong>
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={busy}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

function WhenFields({ schedule }: { schedule: Schedule | undefined }) {
  const known = toHabit(schedule?.rrule ?? '')
  const [habit, setHabit] = useState<Habit>(known.habit)
  return (
    <>
      <Group grow align="flex-start" preventGrowOverflow={false}>
        <TextInput
          name="start"
          type="datetime-local"
          label="First begins"
          defaultValue={schedule?.start.slice(0, 16)}
          required
          miw={190}
        />
        <NativeSelect
          name="timeZone"
          label="By the clocks of"
          defaultValue={schedule?.timeZone ?? zone}
          data={[...new Set([schedule?.timeZone ?? zone, ...listZones()])]}
          miw={170}
        />
      </Group>
      <Group grow align="flex-start">
        <NumberInput
          name="minutes"
          label="Lasts"
          suffix=" min"
          defaultValue={schedule?.durationMinutes ?? 60}
          min={1}
          max={1440}
          allowDecimal={false}
        />
        <NumberInput
          name="grace"
          label="Grace"
          suffix=" min"
          defaultValue={schedule?.graceMinutes ?? 5}
          min={0}
          max={1440}
          allowDecimal={false}
        />
      </Group>
      <Group grow align="flex-start">
        <NativeSelect
          name="habit"
          label="Takes place"
          value={habit}
          onChange={(event) => setHabit(event.currentTarget.value as Habit)}
          data={Object.entries(habits).map(([value, { label }]) => ({ value, label }))}
        />
        {habit !== 'once' && habit !== 'rule' && (
          <NumberInput
            name="count"
            label="How often"
            placeholder="Without end"
            defaultValue={known.count ?? ''}
            min={1}
            max={3660}
            allowDecimal={false}
          />
        )}
      </Group>
      {habit === 'rule' && (
        <TextInput
          name="rule"
          label="Rule"
          placeholder="FREQ=MONTHLY;BYDAY=-1FR"
          defaultValue={schedule?.rrule}
          required
          autoComplete="off"
          spellCheck={false}
        />
      )}
      {habit !== 'once' && (
        <TextInput
          name="exdates"
          label="Not on"
          description="Days such as 2026-12-24, with commas between"
          defaultValue={schedule?.exdates.join(', ')}
          autoComplete="off"
        />
      )}
    </>
  )
}

function readForm(form: FormData): NewSchedule {
  const count = Number(form.get('count') ?? '')
  const rrule = toRule(textOf(form, 'habit') as Habit, count > 0 ? count : undefined, textOf(form, 'rule'))
  return {
    name: textOf(form, 'name'),
    roomIds: listOf(textOf(form, 'rooms'), ','),
    start: textOf(form, 'start'),
    durationMinutes: Number.parseInt(textOf(form, 'minutes'), 10),
    timeZone: textOf(form, 'timeZone'),
    rrule,
    exdates: listOf(textOf(form, 'exdates'), ','),
    graceMinutes: Number.parseInt(textOf(form, 'grace'), 10),
    roster: listOf(textOf(form, 'roster'), '\n').map((line) => {
      const [participantId = '', ...name] = line.split(',')
      return { participantId: participantId.trim(), name: name.join(',').trim() }
    }),
  }
}

function listOf(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

function toLine({ participantId, name }: Schedule['roster'][number]): string {
  return name === '' ? participantId : `${participantId}, ${name}`
}
