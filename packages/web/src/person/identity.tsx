import { Button, Group, Modal, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { type Person, type Rollcall, RollcallError } from '@rollcall/client'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { ShareButton } from '../shared/share-button.tsx'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { Failure } from '../states.tsx'

/** Which participants are this person, and how that is changed. */
export function Identity({ person, onChanged }: { person: Person; onChanged: () => void }) {
  const { rollcall } = useSignedIn()
  const may = useMay()
  const navigate = useNavigate()
  const [isOpen, setOpen] = useState(false)
  if (!may.administer) return null
  return (
    <Group gap="xs">
      <ShareButton of={{ personId: person.id }} />
      <Button variant="default" onClick={() => setOpen(true)}>
        {person.merged ? 'Add another id' : 'Merge'}
      </Button>
      {person.merged && (
        <ConfirmButton
          label="Take apart"
          question={`${person.participantIds.join(', ')} are people of their own again. What was recorded stays as it is.`}
          run={async () => {
            await rollcall.people.unmerge(person.id)
            await navigate({ to: '/people' })
          }}
        />
      )}
      <ConfirmButton
        label="Erase"
        ariaLabel="Erase this person"
        question="They are nobody from now on, for good: their ids, names and how their media went are gone from every session that ended, and from all that was told. That somebody was there, from when to when, stays, so that counts are true. It cannot be had back."
        typed={person.name || person.id}
        run={async () => {
          for (const participantId of person.participantIds) await eraseOne(rollcall, participantId)
          await navigate({ to: '/people' })
        }}
      />
      {isOpen && <MergeDialog person={person} onClose={() => setOpen(false)} onMerged={onChanged} />}
    </Group>
  )
}

/** Where it was broken off before, some of their ids are nobody's already. */
async function eraseOne(rollcall: Rollcall, participantId: string): Promise<void> {
  try {
    await rollcall.people.erase(participantId)
  } catch (error) {
    if (!(error instanceof RollcallError && error.code === 'PARTICIPANT_NOT_FOUND')) throw error
  }
}

function MergeDialog({ person, onClose, onMerged }: { person: Person; onClose: () => void; onMerged: () => void }) {
  const { rollcall } = useSignedIn()
  const navigate = useNavigate()
  const [id, setId] = useState(person.merged ? person.id : '')
  const [others, setOthers] = useState<string[]>([])
  const [found, setFound] = useState<string[]>([])
  const [failure, setFailure] = useState<Error>()
  const suggest = async (search: string) => {
    if (search === '') return
    const { data } = await rollcall.people.find({ search, perPage: 10 })
    setFound(data.filter((one) => !one.merged && !person.participantIds.includes(one.id)).map((one) => one.id))
  }
  const merge = async () => {
    try {
      const participantIds = [...(person.merged ? [] : person.participantIds), ...others]
      await rollcall.people.merge(id.trim(), { participantIds, name: person.name })
      onMerged()
      onClose()
      await navigate({ to: '/people/$personId', params: { personId: id.trim() } })
    } catch (error) {
      setFailure(error as Error)
    }
  }
  return (
    <Modal opened onClose={onClose} title="One person under several ids">
      <Stack>
        <Text size="sm">
          They are found and summed up as one from then on. Sessions keep the ids that they were recorded with.
        </Text>
        {!person.merged && (
          <TextInput
            label="Your id for the person"
            placeholder="staff-17"
            value={id}
            onChange={(event) => setId(event.currentTarget.value)}
          />
        )}
        <TagsInput
          label="Other participant ids that they are"
          data={found}
          value={others}
          onChange={setOthers}
          onSearchChange={(search) => void suggest(search).catch(setFailure)}
        />
        {failure !== undefined && <Failure error={failure} />}
        <Button disabled={id.trim() === '' || others.length === 0} onClick={merge}>
          Merge
        </Button>
      </Stack>
    </Modal>
  )
}
