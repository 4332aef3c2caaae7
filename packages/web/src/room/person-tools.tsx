import { Button, Checkbox, Text } from '@mantine/core'
import { useState } from 'react'
import { Ask } from './ask.tsx'
import type { Meeting } from './meeting.ts'
import type { Person } from './others.ts'

/** What a host may do about somebody. */
export function PersonTools({ person, meeting }: { person: Person; meeting: Meeting }) {
  const [keepsOut, setKeepsOut] = useState(true)
  const { participantId, name } = person
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`Mute ${name}`}
        onClick={() => meeting.mute(participantId)}
      >
        Mute
      </Button>
      <Ask
        button={{ size: 'compact-xs', variant: 'default', 'aria-label': `Remove ${name}` }}
        label="Remove"
        title={`Remove ${name}?`}
        run={() => meeting.remove(participantId, keepsOut)}
      >
        <Text>{name} is put out of the room at once.</Text>
        <Checkbox
          label="And keep them out"
          description="Neither this link nor loading the page again brings them back, until a host lets them."
          checked={keepsOut}
          onChange={(event) => setKeepsOut(event.currentTarget.checked)}
        />
      </Ask>
    </>
  )
}
