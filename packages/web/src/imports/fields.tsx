import { Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { listZones, zone } from '../formats.ts'
import type { Question } from './formats.ts'

/** What the file leaves open. The order of dates is asked for only where no date shows it, which the server finds. */
export function OpenQuestions({
  opens,
  asked,
  isOrderOpen,
}: {
  opens: Question[]
  asked: Question | undefined
  isOrderOpen: boolean
}) {
  const has = (one: Question) => opens.includes(one)
  const error = (one: Question) => one === asked && 'The file does not say it'
  return (
    <>
      {has('room') && (
        <TextInput name="room" label="Room" description="Where the file names none" error={error('room')} />
      )}
      {has('tz') && (
        <NativeSelect
          name="tz"
          label="Time zone"
          description="That of times which name none"
          defaultValue={zone}
          data={listZones()}
          error={error('tz')}
        />
      )}
      {has('date') && (
        <TextInput
          name="date"
          type="date"
          label="Day"
          description="That of times which name none"
          error={error('date')}
        />
      )}
      {has('dateOrder') && isOrderOpen && (
        <NativeSelect
          name="dateOrder"
          label="Order of dates"
          description="What 03/04/2026 is"
          data={[
            { value: '', label: 'Choose' },
            { value: 'dmy', label: '3 April: the day first' },
            { value: 'mdy', label: 'March 4: the month first' },
          ]}
          required
          error={error('dateOrder')}
        />
      )}
      {has('merged') && (
        <Checkbox
          name="merged"
          label="Take a row that adds up somebody’s times inside as one time, and mark it so"
          error={error('merged')}
        />
      )}
    </>
  )
}
