import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { type ComponentType, useEffect, useRef, useState } from 'react'
import { useSignedIn } from './signed-in.tsx'

/** Who stops typing for so long, in milliseconds, wants to see what they asked for. */
const typingMs = 250

/** `about`: what else it is known by. */
export type Suggestion = { value: string; about: string }

type Suggesting = {
  label: string
  placeholder: string
  value: string | undefined
  /** @param name what these suggestions are kept under */
  suggest: { name: string; find: (part: string) => Promise<Suggestion[]> }
  /** @param isChosen whether it is one of the suggestions */
  onChange: (value: string | undefined, isChosen: boolean) => void
}

/** A filter that says what there is while somebody types. Whoever chooses nothing has what they typed. */
export function Suggesting({ label, placeholder, value = '', suggest, onChange }: Suggesting) {
  const { signInId } = useSignedIn()
  const [text, setText] = useState(value)
  const [part] = useDebouncedValue(text.trim(), typingMs)
  const [isFocused, setFocused] = useState(false)
  const Field = useField(isFocused)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setText(value), [value])
  const { data = [] } = useQuery({
    queryKey: [signInId, suggest.name, part],
    queryFn: () => suggest.find(part),
    enabled: isFocused && part !== '',
  })
  const type = (typed: string) => {
    setText(typed)
    clearTimeout(timer.current)
    const isChosen = data.some((one) => one.value === typed)
    timer.current = setTimeout(() => onChange(typed.trim() || undefined, isChosen), isChosen ? 0 : typingMs)
  }
  return (
    <Field
      label={label}
      placeholder={placeholder}
      value={text}
      spellCheck={false}
      autoComplete="off"
      suggestions={data}
      onType={type}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    />
  )
}

export type FieldProps = {
  label: string
  placeholder: string
  value: string
  spellCheck: boolean
  autoComplete: string
  suggestions: Suggestion[]
  onType: (text: string) => void
  onFocus: () => void
  onBlur: () => void
}

/** Without a list: until its code is there, or where that does not come. */
function Plain({ suggestions, onType, ...field }: FieldProps) {
  return <TextInput {...field} onChange={(event) => onType(event.currentTarget.value)} />
}

/** The one with a list, as soon as its code is there and nobody types meanwhile. */
function useField(isFocused: boolean): ComponentType<FieldProps> {
  const [arrived, setArrived] = useState<ComponentType<FieldProps>>()
  const [field, setField] = useState<ComponentType<FieldProps>>(() => Plain)
  useEffect(() => {
    import('./suggestions.tsx').then(
      ({ Suggestions }) => setArrived(() => Suggestions),
      () => {},
    )
  }, [])
  useEffect(() => {
    if (arrived !== undefined && !isFocused) setField(() => arrived)
  }, [arrived, isFocused])
  return field
}
