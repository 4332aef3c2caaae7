import { Table, Text, TextInput } from '@mantine/core'
import { isPerson, type Participant, type Session } from '@rollcall/client'
import { toSearched } from '@rollcall/protocol'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { Pages } from '../pages.tsx'
import { usePrinting } from '../printing.ts'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Empty } from '../states.tsx'
import { formatDuration, isOneDay, Time } from '../time.tsx'
import { ActionsHead, WideTable } from '../wide-table.tsx'
import { explainEnd } from './reasons.ts'
import classes from './session.module.css'

const perPage = 50
const keys: Keys<Participant, 'person' | 'joined' | 'left' | 'inside' | 'times' | 'how'> = {
  person: ({ name, participantId }) => name || participantId,
  joined: ({ timelog }) => timelog[0]?.start ?? null,
  // Whoever is inside leaves after all others.
  left: ({ timelog }) => timelog.at(-1)?.end ?? '9999',
  inside: ({ totalSeconds }) => totalSeconds,
  times: ({ timelog }) => timelog.length,
  how: ({ timelog }) => {
    const last = timelog.at(-1)
    return last === undefined || last.end === null ? null : explainEnd(last)
  },
}

/** Everybody who was inside, with their times in words and numbers. */
export function Attendance({ session, onChanged }: { session: Session; onChanged: () => void }) {
  const [page, setPage] = useState(1)
  const [sought, setSought] = useState('')
  const isPrinting = usePrinting()
  const wanted = toSearched(sought)
  const people = session.participants.filter(({ name, participantId }) =>
    [name, participantId].some((one) => toSearched(one).includes(wanted)),
  )
  const sorting = useSorting(people, keys)
  const lastPage = Math.max(1, Math.ceil(people.length / perPage))
  const at = Math.min(page, lastPage)
  const shown = isPrinting ? sorting.sorted : sorting.sorted.slice((at - 1) * perPage, at * perPage)
  return (
    <div>
      {session.participants.length > 10 && (
        <TextInput
          mb="sm"
          maw={320}
          aria-label="Find a person"
          placeholder="Find a person"
          value={sought}
          onChange={(event) => setSought(event.currentTarget.value)}
        />
      )}
      {people.length === 0 ? (
        <Empty title="Nobody here" />
      ) : (
        <WideTable label="Attendance" verticalSpacing="xs" className={classes.attendance ?? ''}>
          <Table.Thead>
            <Table.Tr>
              <SortedHead by="person" sorting={sorting} className={classes.who}>
                Person
              </SortedHead>
              <SortedHead by="joined" sorting={sorting}>
                Joined
              </SortedHead>
              <SortedHead by="left" sorting={sorting}>
                Left
              </SortedHead>
              <SortedHead by="inside" sorting={sorting}>
                Inside for
              </SortedHead>
              <SortedHead by="times" sorting={sorting} className={classes.wide}>
                Times
              </SortedHead>
              <SortedHead by="how" sorting={sorting} className={classes.wide}>
                How it ended
              </SortedHead>
              <ActionsHead />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((person) => (
              <Row key={person.participantId} person={person} session={session} onChanged={onChanged} />
            ))}
          </Table.Tbody>
        </WideTable>
      )}
      {!isPrinting && <Pages page={at} lastPage={lastPage} onPage={setPage} />}
    </div>
  )
}

function Row({ person, session, onChanged }: { person: Participant; session: Session; onChanged: () => void }) {
  const { rollcall } = useSignedIn()
  const may = useMay()
  const { participantId, name, nameSource, kind, timelog, totalSeconds } = person
  const [first, last] = [timelog[0], timelog.at(-1)]
  if (first === undefined || last === undefined) return null
  const shownName = name || participantId
  const as = isOneDay(session.start, session.end ?? Date.now()) ? 'clock' : 'moment'
  return (
    <Table.Tr>
      <Table.Td>
        <Text fw={600} size="sm" className={classes.anywhere}>
          {isPerson(kind) && may.seeAll ? (
            <Link className={classes.person} to="/people/$personId" params={{ personId: participantId }}>
              {shownName}
            </Link>
          ) : (
            shownName
          )}
          {kind !== 'person' && ` (${kind})`}
        </Text>
        {name !== '' && name !== participantId && (
          <Text c="dimmed" size="xs" className={classes.anywhere}>
            {participantId}
          </Text>
        )}
        {(nameSource === 'typed' || nameSource === 'alike') && (
          <Text c={nameSource === 'alike' ? 'orange.9' : 'dimmed'} size="xs">
            {nameSource === 'alike' ? 'typed this name: somebody else has it' : 'typed this name'}
          </Text>
        )}
      </Table.Td>
      <Table.Td className="numeric">
        <Time at={first.start} as={as} />
      </Table.Td>
      <Table.Td className="numeric">
        {last.end === null ? <span className="live-text">inside</span> : <Time at={last.end} as={as} />}
      </Table.Td>
      <Table.Td className="numeric">{formatDuration(totalSeconds)}</Table.Td>
      <Table.Td className={`numeric ${classes.wide}`}>{timelog.length}</Table.Td>
      <Table.Td className={classes.wide ?? ''}>
        <Text size="sm">{last.end === null ? '' : explainEnd(last)}</Text>
      </Table.Td>
      <Table.Td ta="end">
        {last.end === null && may.run && (
          <ConfirmButton
            size="compact-sm"
            label="Remove"
            ariaLabel={`Remove ${shownName}`}
            question={`${shownName} is put out of the room at once, here and in the media server. Whoever still has a good token can join again.`}
            run={async () => {
              await rollcall.sessions.remove(session.id, participantId)
              onChanged()
            }}
          />
        )}
      </Table.Td>
    </Table.Tr>
  )
}
