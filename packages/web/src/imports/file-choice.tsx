import { Button, FileButton, Stack, Text } from '@mantine/core'
import { type DragEvent, useState } from 'react'
import { formatNumber } from '../formats.ts'
import classes from './imports.module.css'

/** A file that is dropped here, or chosen. */
export function FileChoice({ file, onFile }: { file: File | undefined; onFile: (file: File) => void }) {
  const [isOver, setOver] = useState(false)
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    const [dropped] = event.dataTransfer.files
    if (dropped !== undefined) onFile(dropped)
  }
  const onDragOver = (event: DragEvent) => {
    event.preventDefault()
    setOver(true)
  }
  return (
    <section
      className={classes.drop}
      data-over={isOver}
      aria-label="File"
      onDragOver={onDragOver}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <Stack gap="xs" align="center">
        <Text className={classes.name ?? ''} fw={file === undefined ? 400 : 600}>
          {file === undefined ? 'Drop a file here, or' : `${file.name} · ${formatSize(file.size)}`}
        </Text>
        <FileButton onChange={(chosen) => chosen !== null && onFile(chosen)}>
          {(props) => (
            <Button {...props} variant="default">
              {file === undefined ? 'Choose a file' : 'Choose another'}
            </Button>
          )}
        </FileButton>
      </Stack>
    </section>
  )
}

function formatSize(bytes: number): string {
  return bytes < 1e6 ? `${formatNumber(Math.ceil(bytes / 1000))} kB` : `${formatNumber(Math.round(bytes / 1e6))} MB`
}
