import { Badge, Button, Group, Paper, PasswordInput, Stack, Table, Text, Title } from '@mantine/core'
import type { BrowserSignIn } from '@rollcall/client'
import { useState } from 'react'
import { ConfirmButton } from '../confirm-button.tsx'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Failure, Loading, WhatWentWrong } from '../states.tsx'
import { useSubmit } from '../submit.ts'
import { Time } from '../time.tsx'
import { Actions, ActionsHead, Folded, foldedColumn, WideTable } from '../wide-table.tsx'

/** Who one is here, one's password, and where one is signed in. */
export function AccountPage() {
  const { account } = useSignedIn()
  const { user, role, rooms, key, hasPassword, expiresAt } = account
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        {user?.name ?? 'Your account'}
      </Title>
      <Text c="dimmed" maw={640}>
        {user === null ? 'Signed in by a link, a token or a key, without an account' : 'Signed in'}
        {role !== null && ` as ${role === 'administrator' ? 'an administrator' : `a ${role}`}`} of{' '}
        {key.name ?? key.apiKey}
        {rooms !== null && `, for ${rooms.map(({ roomId, customRoomId }) => customRoomId ?? roomId).join(', ')}`}
        {expiresAt !== null && (
          <>
            , until <Time at={expiresAt} />
          </>
        )}
        .
      </Text>
      {hasPassword && <ChangePassword />}
      {user !== null && <SignIns />}
    </Stack>
  )
}

function ChangePassword() {
  const { rollcall } = useSignedIn()
  const [changed, setChanged] = useState(false)
  const { failure, busy, submit } = useSubmit(async (form) => {
    // A password may begin or end with a space.
    const [current, password] = ['current', 'password'].map((name) => String(form.get(name) ?? ''))
    setChanged(false)
    await rollcall.users.changePassword(current ?? '', password ?? '')
    setChanged(true)
  })
  return (
    <Paper className="card" p="lg" maw={460}>
      <form onSubmit={submit}>
        <Stack>
          <Title order={2} size="h4">
            Password
          </Title>
          <PasswordInput name="current" label="Current password" required autoComplete="current-password" />
          <PasswordInput
            name="password"
            label="New password"
            description="At least ten characters; your other browsers are signed out"
            required
            minLength={10}
            autoComplete="new-password"
          />
          <WhatWentWrong>{failure}</WhatWentWrong>
          {changed && <Text role="status">It is changed.</Text>}
          <Button type="submit" loading={busy}>
            Change it
          </Button>
        </Stack>
      </form>
    </Paper>
  )
}

const none: BrowserSignIn[] = []
const keys: Keys<BrowserSignIn, 'browser' | 'since' | 'last'> = {
  browser: ({ browser }) => browser,
  since: ({ createdAt }) => createdAt,
  last: ({ lastSeenAt }) => lastSeenAt,
}

function SignIns() {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(['sign-ins'], () => rollcall.users.signIns(), briskMs)
  const sorting = useSorting(data ?? none, keys)
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Where you are signed in
      </Title>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? (
        error === null && <Loading rows={2} />
      ) : (
        <WideTable label="Where you are signed in" leastWidth={640}>
          <Table.Thead>
            <Table.Tr>
              <SortedHead by="browser" sorting={sorting}>
                Browser
              </SortedHead>
              <SortedHead by="since" sorting={sorting} className={foldedColumn}>
                Since
              </SortedHead>
              <SortedHead by="last" sorting={sorting} className={foldedColumn}>
                Last used
              </SortedHead>
              <ActionsHead />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sorting.sorted.map((signIn) => (
              <SignInRow key={signIn.signInId} signIn={signIn} onEnded={refetch} />
            ))}
          </Table.Tbody>
        </WideTable>
      )}
    </Stack>
  )
}

function SignInRow({ signIn, onEnded }: { signIn: BrowserSignIn; onEnded: () => void }) {
  const { rollcall } = useSignedIn()
  const { signInId, browser, createdAt, lastSeenAt, isThis } = signIn
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap="xs">
          <Text size="sm" maw={360} truncate title={browser}>
            {browser}
          </Text>
          {isThis && <Badge color="gray.7">This one</Badge>}
        </Group>
        <Folded>
          <div>
            Since <Time at={createdAt} />
          </div>
          <div>
            Last used: <Time at={lastSeenAt} />
          </div>
        </Folded>
      </Table.Td>
      <Table.Td className={foldedColumn}>
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td className={foldedColumn}>
        <Time at={lastSeenAt} />
      </Table.Td>
      <Table.Td>
        <Actions>
          {!isThis && (
            <ConfirmButton
              size="xs"
              label="Sign out"
              question="That browser is signed out, and whoever uses it has to sign in again."
              run={async () => {
                await rollcall.users.endSignIn(signInId)
                onEnded()
              }}
            />
          )}
        </Actions>
      </Table.Td>
    </Table.Tr>
  )
}
