import { Autocomplete, Text } from '@mantine/core'
import type { FieldProps } from './suggesting.tsx'

/** A field with a list of what there is. Its code is large, and comes when the page is there. */
export function Suggestions({ suggestions, onType, ...field }: FieldProps) {
  const aboutOf = new Map(suggestions.map((one) => [one.value, one.about]))
  return (
    <Autocomplete
      {...field}
      data={[...aboutOf.keys()]}
      // The server found them, as it finds them without accents: they are not sought among again.
      filter={({ options }) => options}
      renderOption={({ option: { value } }) => (
        <span>
          {value}{' '}
          <Text span size="xs" c="dimmed">
            {aboutOf.get(value)}
          </Text>
        </span>
      )}
      onChange={onType}
    />
  )
}
