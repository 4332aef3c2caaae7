import { Radio, Stack, TextInput } from '@mantine/core'
import type { DashboardUser, UserRole } from '@rollcall/client'
import { useState } from 'react'
import { textOf } from '../submit.ts'

const roles: { [role in UserRole]: string } = {
  viewer: 'Viewer: reads everything',
  host: 'Host: sees, ends and closes some rooms',
  administrator: 'Administrator: may do everything',
}

/** What somebody may do, and of a host which rooms they see. */
export function RoleFields({ user }: { user?: DashboardUser }) {
  const [role, setRole] = useState<string>(user?.role ?? 'viewer')
  return (
    <>
      <Radio.Group name="role" label="Role" value={role} onChange={setRole}>
        <Stack gap="xs" mt="xs">
          {Object.entries(roles).map(([one, label]) => (
            <Radio key={one} value={one} label={label} />
          ))}
        </Stack>
      </Radio.Group>
      {role === 'host' && (
        <TextInput
          name="rooms"
          label="Rooms"
          description="By name or id, with commas between"
          defaultValue={user?.rooms.join(', ')}
          required
          spellCheck={false}
        />
      )}
    </>
  )
}

/** What the fields say. */
export function readRole(form: FormData): { role: UserRole; rooms: string[] } {
  const rooms = textOf(form, 'rooms')
    .split(',')
    .map((room) => room.trim())
    .filter((room) => room !== '')
  return { role: textOf(form, 'role') as UserRole, rooms }
}
