import { Button, Group, Text } from '@mantine/core'
import { Ask } from './ask.tsx'
import type { Meeting, MeetingView } from './meeting.ts'
import classes from './room.module.css'

/** Where one is, who the hosts are, and, for a host, what they may do about everybody. */
export function HostBar({
  view,
  meeting,
  title,
  isHost,
}: {
  view: MeetingView
  meeting: Meeting
  title: string
  isHost: boolean
}) {
  const { rules, people, asking } = view
  const hosts = [...(isHost ? ['you'] : []), ...people.filter((one) => one.isHost).map(({ name }) => name)]
  return (
    <header className={classes.head}>
      <div className={classes.where}>
        <h1 className={classes.title}>{title}</h1>
        <Text size="sm" c="dimmed">
          {hosts.length === 0 ? 'No host is here' : `${hosts.length === 1 ? 'Host' : 'Hosts'}: ${hosts.join(', ')}`}
          {rules.locked && ' · locked: nobody new comes in'}
        </Text>
      </div>
      {isHost && (
        <Group gap="xs" role="toolbar" aria-label="For hosts">
          {asking.length > 1 && (
            <Button size="xs" onClick={meeting.admitAll}>
              Let all {asking.length} in
            </Button>
          )}
          <Button size="xs" variant="default" disabled={people.length === 0} onClick={meeting.muteAll}>
            Mute all
          </Button>
          <Button size="xs" variant="default" aria-pressed={rules.locked} onClick={() => meeting.lock(!rules.locked)}>
            {rules.locked ? 'Unlock' : 'Lock'}
          </Button>
          <Ask
            button={{ size: 'xs' }}
            label="End for everyone"
            title="End the meeting for everyone?"
            run={() => meeting.end()}
          >
            <Text>
              Everybody is put out, and this meeting is over in the record. The room stays: it can be used again.
            </Text>
          </Ask>
        </Group>
      )}
    </header>
  )
}

/** Who is kept out, and the way to let them back. */
export function KeptOut({ view, meeting }: { view: MeetingView; meeting: Meeting }) {
  const { keptOut = [] } = view.rules
  if (keptOut.length === 0) return null
  return (
    <section className={classes.kept} aria-label="Kept out">
      <Text size="sm" fw={600}>
        Kept out
      </Text>
      {keptOut.map(({ participantId, name }) => (
        <Group key={participantId} gap={6} wrap="nowrap">
          <Text size="sm" truncate>
            {name || participantId}
          </Text>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Let ${name || participantId} back`}
            onClick={() => meeting.letBack(participantId)}
          >
            Let back
          </Button>
        </Group>
      ))}
    </section>
  )
}
