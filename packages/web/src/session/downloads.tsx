import { Button, Code, CopyButton, Menu, Popover, Stack, Text } from '@mantine/core'
import type { Session } from '@rollcall/client'
import { serverUrl } from '../base.ts'
import { toTables, useSaving } from '../downloads.tsx'
import { isoDay } from '../formats.ts'

/** The same for programs and spreadsheets. */
export function Downloads({ session, onFailure }: { session: Session; onFailure: (error: Error | undefined) => void }) {
  const { busy, save } = useSaving(onFailure)
  const { id: sessionId, roomId, customRoomId, start } = session
  const path = `/v2/sessions/${sessionId}`
  const name = `${customRoomId ?? roomId} ${isoDay(start)}`
  const downloads = [
    ...toTables('Every time inside', `${path}/attendance`, `${name} stays`),
    ...toTables('A line for each person', `${path}/attendance?per=participant`, `${name} people`),
    { label: 'The session, as JSON', path, name: `${name}.json` },
  ]
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" loading={busy}>
            Download
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {downloads.map((one) => (
            <Menu.Item key={one.name} onClick={() => save(one)}>
              {one.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <CurlButton path={path} />
    </>
  )
}

function CurlButton({ path }: { path: string }) {
  const command = `curl -H "Authorization: $TOKEN" '${serverUrl}${path}'`
  return (
    <Popover width={420} position="bottom-end" trapFocus withinPortal>
      <Popover.Target>
        <Button variant="default">curl</Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <Text size="sm">
            This page’s data, from a shell. <Code>rollcall token</Code> prints a token, and so does whoever holds a key.
          </Text>
          <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap', maxHeight: 160 }} tabIndex={0}>
            {command}
          </Code>
          <CopyButton value={command}>
            {({ copied, copy }) => (
              <Button size="xs" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
