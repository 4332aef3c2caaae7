import { Group, Stack, Table, Text, Title } from '@mantine/core'
import type { DashboardUser } from '@rollcall/client'
import { ConfirmButton } from '../confirm-button.tsx'
import { briskMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { type Keys, SortedHead, useSorting } from '../sorting.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { Time } from '../time.tsx'
import { Actions, ActionsHead, Folded, foldedColumn, WideTable } from '../wide-table.tsx'
import { AddUser } from './add-user.tsx'
import { ChangeRole } from './change-role.tsx'
import { ResetPassword } from './reset-password.tsx'

/** Who signs in and sees this record, and as what. */
export function UsersPage() {
  const { rollcall } = useSignedIn()
  const { data, error, refetch } = useLive(['users'], () => rollcall.users.list(), briskMs)
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Users
        </Title>
        <AddUser onAdded={refetch} />
      </Group>
      <Text c="dimmed" maw={640}>
        People who sign in here. A viewer reads everything; a host sees, ends and closes the rooms that are named; an
        administrator may do everything. Programs have keys.
      </Text>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined ? error === null && <Loading rows={3} /> : <UserTable users={data} onChange={refetch} />}
    </Stack>
  )
}

const keys: Keys<DashboardUser, 'name' | 'role' | 'last'> = {
  name: ({ name }) => name,
  role: ({ role }) => role,
  last: ({ lastSignInAt }) => lastSignInAt,
}

function UserTable({ users, onChange }: { users: DashboardUser[]; onChange: () => void }) {
  const sorting = useSorting(users, keys)
  if (users.length === 0) {
    return <Empty title="No user yet">Whoever opens a link of the command line signs in without being one.</Empty>
  }
  return (
    <WideTable label="Users" leastWidth={560}>
      <Table.Thead>
        <Table.Tr>
          <SortedHead by="name" sorting={sorting}>
            Name
          </SortedHead>
          <SortedHead by="role" sorting={sorting} className={foldedColumn}>
            Role
          </SortedHead>
          <SortedHead by="last" sorting={sorting} className={foldedColumn}>
            Last sign-in
          </SortedHead>
          <ActionsHead />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sorting.sorted.map((user) => (
          <UserRow key={user.userId} user={user} onChange={onChange} />
        ))}
      </Table.Tbody>
    </WideTable>
  )
}

function UserRow({ user, onChange }: { user: DashboardUser; onChange: () => void }) {
  const { rollcall } = useSignedIn()
  const { userId, name, role, rooms, lastSignInAt } = user
  return (
    <Table.Tr>
      <Table.Td>
        <Text fw={600} size="sm">
          {name}
        </Text>
        <Folded>
          <div>{[role, ...(rooms.length > 0 ? [`of ${rooms.join(', ')}`] : [])].join(' ')}</div>
          <div>Last sign-in: {lastSignInAt === null ? 'never' : <Time at={lastSignInAt} />}</div>
        </Folded>
      </Table.Td>
      <Table.Td className={foldedColumn}>
        <Text size="sm">{role}</Text>
        {rooms.length > 0 && (
          <Text size="xs" c="dimmed">
            of {rooms.join(', ')}
          </Text>
        )}
      </Table.Td>
      <Table.Td className={foldedColumn}>{lastSignInAt === null ? 'never' : <Time at={lastSignInAt} />}</Table.Td>
      <Table.Td>
        <Actions>
          <ChangeRole user={user} onChanged={onChange} />
          <ResetPassword user={user} />
          <ConfirmButton
            size="xs"
            label="Sign out"
            ariaLabel={`Sign ${name} out everywhere`}
            question={`${name} is signed out in every browser, and may sign in again.`}
            run={() => rollcall.users.signOut(userId)}
          />
          <ConfirmButton
            size="xs"
            label="Remove"
            ariaLabel={`Remove ${name}`}
            question={`${name} sees this record no more, from now on.`}
            run={async () => {
              await rollcall.users.remove(userId)
              onChange()
            }}
          />
        </Actions>
      </Table.Td>
    </Table.Tr>
  )
}
