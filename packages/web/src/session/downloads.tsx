import { Button, Code, CopyButton, Menu, Popover, Stack, Text } from '@mantine/core'
import type { Session } from '@rollcall/client'
import { useState } from 'react'
import { serverUrl } from '../base.ts'
import { isoDay, listSeparator, zone } from '../formats.ts'
import { saveAnswer } from '../save-file.ts'

/** The same for programs and spreadsheets. */
export function Downloads({ session, onFailure }: { session: Session; onFailure: (error: Error) => void }) {
  const { id: sessionId, roomId, customRoomId, start } = session
  const path = `/v2/sessions/${sessionId}`
  const name = `${customRoomId ?? roomId} ${isoDay(start)}`
  const table = `${path}/attendance?tz=${encodeURIComponent(zone)}`
  const rows = `${table}&format=csv&bom=true&separator=${listSeparator}`
  const sheet = `${table}&format=xlsx`
  const [busy, setBusy] = useState(false)
  const download = async (what: string, name: string) => {
    setBusy(true)
    try {
      await saveAnswer(what, name)
    } catch (error) {
      onFailure(error as Error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" loading={busy}>
            Download
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => download(rows, `${name} stays.csv`)}>Every time inside, as CSV</Menu.Item>
          <Menu.Item onClick={() => download(`${rows}&per=participant`, `${name} people.csv`)}>
            A line for each person, as CSV
          </Menu.Item>
          <Menu.Item onClick={() => download(sheet, `${name} stays.xlsx`)}>Every time inside, as XLSX</Menu.Item>
          <Menu.Item onClick={() => download(`${sheet}&per=participant`, `${name} people.xlsx`)}>
            A line for each person, as XLSX
          </Menu.Item>
          <Menu.Item onClick={() => download(path, `${name}.json`)}>The session, as JSON</Menu.Item>
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
