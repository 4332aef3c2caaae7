import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useId, useRef, useState } from 'react'
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

/** A filter that says what there is while somebody types, in the browser's own list. Whoever chooses nothing has what they typed. */
export function Suggesting({ label, placeholder, value = '', suggest, onChange }: Suggesting) {
  const { signInId } = useSignedIn()
  const id = useId()
  const [text, setText] = useState(value)
  const [part] = useDebouncedValue(text.trim(), typingMs)
  const [isFocused, setFocused] = useState(false)
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
    <>
      <TextInput
        label={label}
        placeholder={placeholder}
        list={id}
        value={text}
        onChange={(event) => type(event.currentTarget.value)}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        spellCheck={false}
        autoComplete="off"
      />
      <datalist id={id}>
        {data.map(({ value, about }) => (
          <option key={value} value={value} label={about} />
        ))}
      </datalist>
    </>
  )
}
