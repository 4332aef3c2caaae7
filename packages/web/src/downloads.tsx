import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import { listSeparator, zone } from './formats.ts'
import { saveAnswer } from './save-file.ts'

/** `path`: of the server, which gives the file as it is to be saved. */
export type Download = { label: string; path: string; name: string }

/** The same rows as CSV, as spreadsheets of the reader's language open it, and as XLSX, both by the clocks of the chosen zone. */
export function toTables(what: string, path: string, name: string): Download[] {
  const table = `${path}${path.includes('?') ? '&' : '?'}tz=${encodeURIComponent(zone)}`
  return [
    { label: `${what}, as CSV`, path: `${table}&format=csv&bom=true&separator=${listSeparator}`, name: `${name}.csv` },
    { label: `${what}, as XLSX`, path: `${table}&format=xlsx`, name: `${name}.xlsx` },
  ]
}

type Saving = { downloads: Download[]; onFailure: (error: Error | undefined) => void }

/** A button each, where there are few. */
export function DownloadButtons({ downloads, onFailure }: Saving) {
  const { busy, save } = useSaving(onFailure)
  return (
    <Group gap="xs">
      {downloads.map((one) => (
        <Button key={one.name} variant="default" aria-label={one.label} disabled={busy} onClick={() => save(one)}>
          {one.label.split(' ').at(-1)}
        </Button>
      ))}
    </Group>
  )
}

export function useSaving(onFailure: Saving['onFailure']) {
  const [busy, setBusy] = useState(false)
  const save = async ({ path, name }: Download) => {
    setBusy(true)
    onFailure(undefined)
    try {
      await saveAnswer(path, name)
    } catch (error) {
      onFailure(error as Error)
    } finally {
      setBusy(false)
    }
  }
  return { busy, save }
}
