import { Button, Group, SegmentedControl, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { given } from '../search.ts'
import { fromLocalInput, toLocalInput } from '../time.tsx'
import type { SessionsSearch } from './search.ts'
import classes from './sessions.module.css'

/** Who stops typing for so long, in milliseconds, wants to see what they asked for. */
const typingMs = 350

export function Filters({ search }: { search: SessionsSearch }) {
  const navigate = useNavigate({ from: '/' })
  const change = (part: { [name in keyof SessionsSearch]: SessionsSearch[name] | undefined }) =>
    navigate({ search: given({ ...search, page: undefined, ...part }), replace: true })
  const isFiltered = Object.keys(search).some((name) => name !== 'page')
  const [isOpen, setOpen] = useState(isFiltered)
  return (
    <form className={classes.filters} aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <div className={classes.more} data-closed={!isOpen || undefined}>
        <TypedText
          label="Room"
          placeholder="Its id or its name"
          value={search.room}
          onChange={(room) => change({ room })}
        />
        <TypedText
          label="Person"
          placeholder="Participant id"
          value={search.person}
          onChange={(person) => change({ person })}
        />
        <Moment label="Started after" value={search.from} onChange={(from) => change({ from })} />
        <Moment label="Started before" value={search.to} onChange={(to) => change({ to })} />
        <Moment label="Who was inside at" value={search.at} onChange={(at) => change({ at })} />
      </div>
      <Group gap="xs" className={classes.status}>
        <SegmentedControl
          aria-label="Status"
          value={search.status ?? 'all'}
          onChange={(value) => change({ status: value === 'all' ? undefined : (value as 'ongoing' | 'ended') })}
          data={[
            { value: 'all', label: 'All' },
            { value: 'ongoing', label: 'Live' },
            { value: 'ended', label: 'Ended' },
          ]}
        />
        {/* On a phone the list comes first. */}
        <Button
          className={classes.opener ?? ''}
          variant="default"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Filters
        </Button>
        {isFiltered && (
          <Button variant="subtle" onClick={() => navigate({ search: {} })}>
            Clear
          </Button>
        )}
      </Group>
    </form>
  )
}

type Changed = (value: string | undefined) => void

function TypedText({
  label,
  placeholder,
  value,
  onChange,
}: {
  label: string
  placeholder: string
  value: string | undefined
  onChange: Changed
}) {
  const [text, setText] = useState(value ?? '')
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setText(value ?? ''), [value])
  const type = (typed: string) => {
    setText(typed)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => onChange(typed.trim() || undefined), typingMs)
  }
  return (
    <TextInput
      label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => type(event.currentTarget.value)}
      spellCheck={false}
      autoComplete="off"
    />
  )
}

function Moment({ label, value, onChange }: { label: string; value: string | undefined; onChange: Changed }) {
  return (
    <TextInput
      type="datetime-local"
      label={label}
      value={toLocalInput(value)}
      onChange={(event) => onChange(fromLocalInput(event.currentTarget.value))}
    />
  )
}
