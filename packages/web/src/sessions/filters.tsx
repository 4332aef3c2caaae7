import { Button, Group, NativeSelect, SegmentedControl, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { findRange, type Range, ranges, toRange } from '../ranges.ts'
import { given } from '../search.ts'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { Suggesting } from '../suggesting.tsx'
import { fromLocalInput, toLocalInput } from '../time.tsx'
import type { SessionsSearch } from './search.ts'
import classes from './sessions.module.css'

/** Most rooms and people that are suggested. */
const suggestedMax = 8

export function Filters({ search }: { search: SessionsSearch }) {
  const navigate = useNavigate({ from: '/' })
  const change = (part: { [name in keyof SessionsSearch]: SessionsSearch[name] | undefined }) =>
    navigate({ search: given({ ...search, page: undefined, ...part }), replace: true })
  const isFiltered = Object.keys(search).some((name) => name !== 'page')
  const [isOpen, setOpen] = useState(isFiltered)
  const suggest = useSuggestions()
  const { room, part, person, from, to, at } = search
  const range = findRange(from, to, Date.now())
  const isBackwards = from !== undefined && to !== undefined && Date.parse(from) > Date.parse(to)
  return (
    <form className={classes.filters} aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <div className={classes.more} data-closed={!isOpen || undefined}>
        <Suggesting
          label="Room"
          placeholder="A part of its id or name"
          value={room ?? part}
          suggest={suggest.rooms}
          onChange={(text, isChosen) =>
            change({ room: undefined, part: undefined, [isChosen ? 'room' : 'part']: text })
          }
        />
        <Suggesting
          label="Person"
          placeholder="A part of a name or id"
          value={person}
          suggest={suggest.people}
          onChange={(person) => change({ person })}
        />
        <NativeSelect
          label="Started"
          value={range ?? (from === undefined && to === undefined ? '' : 'between')}
          onChange={(event) => change(spanOf(event.currentTarget.value))}
          data={[
            { value: '', label: 'at any time' },
            ...ranges,
            { value: 'between', label: 'between these times', disabled: true },
          ]}
        />
        <Moment label="Started after" value={from} onChange={(from) => change({ from })} />
        <Moment
          label="Started before"
          value={to}
          onChange={(to) => change({ to })}
          error={isBackwards && 'This is before “Started after”: no session started then.'}
        />
        <Moment label="Who was inside at" value={at} onChange={(at) => change({ at })} />
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

function spanOf(chosen: string): { from: string | undefined; to: string | undefined } {
  return chosen === '' ? { from: undefined, to: undefined } : toRange(chosen as Range, Date.now())
}

/** What there is of a part: a merged person is several participants, whose sessions their own page has. */
function useSuggestions() {
  const { rollcall } = useSignedIn()
  const may = useMay()
  return {
    rooms: {
      name: 'suggested-rooms',
      find: async (search: string) =>
        (await rollcall.rooms.list({ search, perPage: suggestedMax }).page()).data.map(({ roomId, customRoomId }) => ({
          value: customRoomId ?? roomId,
          about: customRoomId === null ? '' : roomId,
        })),
    },
    people: {
      name: 'suggested-people',
      find: async (search: string) =>
        !may.seeAll
          ? []
          : (await rollcall.people.find({ search, perPage: suggestedMax })).data
              .filter(({ merged }) => !merged)
              .map(({ id, name }) => ({ value: id, about: name })),
    },
  }
}

function Moment({
  label,
  value,
  onChange,
  error = false,
}: {
  label: string
  value: string | undefined
  onChange: Changed
  error?: string | false
}) {
  return (
    <TextInput
      type="datetime-local"
      label={label}
      value={toLocalInput(value)}
      onChange={(event) => onChange(fromLocalInput(event.currentTarget.value))}
      error={error}
    />
  )
}
