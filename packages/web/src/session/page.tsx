import { Group, Stack, Tabs, Text, Title } from '@mantine/core'
import { isPerson, type Session } from '@rollcall/client'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { BackLink } from '../back-link.tsx'
import { ConfirmButton } from '../confirm-button.tsx'
import { Fact, Facts } from '../facts.tsx'
import { formatNumber } from '../formats.ts'
import { Found } from '../found.tsx'
import { useLive } from '../live.ts'
import { ShareButton } from '../shared/share-button.tsx'
import { useMay, useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Missing } from '../states.tsx'
import { formatDuration, RunningClock, Time } from '../time.tsx'
import { Attendance } from './attendance.tsx'
import { Downloads } from './downloads.tsx'
import { Parent, Parts } from './parts.tsx'
import { Quality } from './quality.tsx'
import { Scheduled } from './scheduled.tsx'
import type { SessionView } from './search.ts'
import classes from './session.module.css'
import { isOpen } from './stays.ts'
import { Timeline } from './timeline.tsx'

const path = '/sessions/$sessionId'

export function SessionPage() {
  const { sessionId } = useParams({ from: path })
  const { rollcall } = useSignedIn()
  const result = useLive(
    ['session', sessionId],
    () => rollcall.sessions.get(sessionId),
    (change) => change.type !== 'reset' && change.sessionId === sessionId,
  )
  const missing = (
    <Missing what="session">
      <Link to="/">All sessions</Link>
    </Missing>
  )
  return (
    <Found result={result} missing={missing}>
      {(session) => (
        <>
          <Head session={session} refetch={result.refetch} />
          <SessionFacts session={session} />
          <Parts session={session} />
          <Views session={session} refetch={result.refetch} />
        </>
      )}
    </Found>
  )
}

function Head({ session, refetch }: { session: Session; refetch: () => void }) {
  const { rollcall } = useSignedIn()
  const may = useMay()
  const navigate = useNavigate()
  const [failure, setFailure] = useState<Error>()
  const { id, roomId, customRoomId, end } = session
  return (
    <Stack gap="xs">
      <BackLink to="/">All sessions</BackLink>
      <Group justify="space-between" align="flex-start" gap="sm">
        <div>
          <Title order={1} size="h2" className={classes.anywhere ?? ''}>
            {customRoomId ?? roomId}
          </Title>
          <Text c="dimmed" size="sm" className={classes.anywhere ?? ''}>
            {customRoomId !== null && `room ${roomId} · `}session {id}
          </Text>
        </div>
        <Group gap="xs">
          <ShareButton of={{ sessionId: id }} />
          <Downloads session={session} onFailure={setFailure} />
          {end === null && may.run && (
            <ConfirmButton
              label="End session"
              question="Everybody is put out, here and in the media server, and the session is over. The room stays open for another."
              run={async () => {
                await rollcall.sessions.end(id)
                refetch()
              }}
            />
          )}
          {end !== null && may.administer && (
            <ConfirmButton
              label="Erase"
              ariaLabel="Erase this session"
              question="The session goes for good, with the names and times of everybody in it: from every list, count and report. It cannot be had back."
              run={async () => {
                await rollcall.sessions.erase(id)
                await navigate({ to: '/' })
              }}
            />
          )}
        </Group>
      </Group>
      {failure !== undefined && <Failure error={failure} />}
    </Stack>
  )
}

function SessionFacts({ session }: { session: Session }) {
  const { start, end, participants } = session
  const inside = participants.filter(({ kind, timelog }) => isPerson(kind) && isOpen(timelog)).length
  const programs = participants.filter(({ kind }) => !isPerson(kind)).length
  return (
    <Facts>
      <Fact name="Status">
        {end === null ? (
          <Group gap={8} className="live-text">
            <span className="live-dot" />
            Live
          </Group>
        ) : (
          'Ended'
        )}
      </Fact>
      <Fact name="Started">
        <Time at={start} />
      </Fact>
      {end !== null && (
        <Fact name="Ended">
          <Time at={end} />
        </Fact>
      )}
      <Fact name="Lasted">
        {end === null ? <RunningClock since={start} /> : formatDuration((Date.parse(end) - Date.parse(start)) / 1000)}
      </Fact>
      {end === null && <Fact name="Inside now">{formatNumber(inside)}</Fact>}
      <Fact name="People">{formatNumber(session.uniqueParticipants)}</Fact>
      {programs > 0 && <Fact name="Programs">{formatNumber(programs)}</Fact>}
      <Fact name="At one moment">{formatNumber(session.maxJoinedPeersCount)}</Fact>
      <Fact name="Time inside">{formatDuration(session.participantSeconds)}</Fact>
      {session.recordings !== undefined && (
        <Fact name="Recordings">
          {session.recordings.length}
          {session.recordings.some((one) => one.end === null) && ' (running)'}
        </Fact>
      )}
      <Fact name="Source">{session.engine}</Fact>
      {session.parentRoomId !== undefined && (
        <Fact name="Part of">
          <Parent session={session} />
        </Fact>
      )}
      {session.clockCorrectedMs !== undefined && (
        <Fact name="Clock corrected by">{formatDuration(Math.abs(session.clockCorrectedMs) / 1000)}</Fact>
      )}
      {session.revision > 0 && <Fact name="Corrected">{session.revision} ×</Fact>}
    </Facts>
  )
}

function Views({ session, refetch }: { session: Session; refetch: () => void }) {
  const may = useMay()
  const { view = 'timeline' } = useSearch({ from: path })
  const navigate = useNavigate({ from: path })
  const choose = (chosen: string | null) =>
    navigate({ search: chosen === 'timeline' ? {} : { view: chosen as SessionView }, replace: true })
  return (
    <Tabs value={view} onChange={choose} keepMounted={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
        <Tabs.Tab value="attendance">Attendance</Tabs.Tab>
        <Tabs.Tab value="quality">Quality</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="timeline">
        {session.participants.length === 0 ? (
          <Empty title="Nobody was inside">The session was reported, and nobody joined it.</Empty>
        ) : (
          <Timeline session={session} />
        )}
      </Tabs.Panel>
      <Tabs.Panel value="attendance">
        {may.seeAll && <Scheduled session={session} />}
        <Attendance session={session} onChanged={refetch} />
      </Tabs.Panel>
      <Tabs.Panel value="quality">
        <Quality session={session} />
      </Tabs.Panel>
    </Tabs>
  )
}
