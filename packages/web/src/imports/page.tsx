import { Button, NativeSelect, Stack, Text, Title } from '@mantine/core'
import { type ImportFormat, type ImportOptions, RollcallError } from '@rollcall/client'
import { useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, WhatWentWrong } from '../states.tsx'
import { textOf, useSubmit } from '../submit.ts'
import { OpenQuestions } from './fields.tsx'
import { FileChoice } from './file-choice.tsx'
import { formats, questionIn } from './formats.ts'
import classes from './imports.module.css'
import { ImportOutcome, type Outcome } from './outcome.tsx'

const choices = Object.entries(formats).map(([value, { title }]) => ({ value, label: title }))
/** The server takes no larger file. */
const fileMaxBytes = 64 * 1024 * 1024

/** Brings what another system recorded. */
export function ImportsPage() {
  const { rollcall, expire } = useSignedIn()
  const [format, setFormat] = useState<ImportFormat>('csv')
  const [file, setFile] = useState<File>()
  const [outcome, setOutcome] = useState<Outcome>()
  const [isOrderOpen, setOrderOpen] = useState(false)
  const { failure, busy, submit } = useSubmit(async (form) => {
    setOutcome(undefined)
    const given = checkFile(file)
    let now: Outcome = { name: given.name, untaken: [] }
    const show = (more: Partial<Outcome>) => {
      now = { ...now, ...more }
      setOutcome(now)
    }
    try {
      show({})
      for await (const step of rollcall.import(given, readOptions(format, form))) {
        if (step.type === 'untaken') now.untaken.push(step)
        else show(step.type === 'progress' ? { progress: step } : { end: step })
      }
    } catch (error) {
      // What was told before it broke off stays: only what was refused whole has nothing to show.
      if (now.progress === undefined) setOutcome(undefined)
      else show({ end: { type: 'failed', reason: (error as Error).message } })
      if (error instanceof RollcallError && error.statusCode === 401) expire()
      if (questionIn((error as Error).message) === 'dateOrder') setOrderOpen(true)
      throw error
    }
  })
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        Import
      </Title>
      <form onSubmit={submit} className={`card ${classes.form}`}>
        <FileChoice file={file} onFile={setFile} />
        <NativeSelect
          label="Whose file it is"
          description={formats[format].file}
          value={format}
          onChange={(event) => setFormat(event.currentTarget.value as ImportFormat)}
          data={choices}
        />
        <OpenQuestions opens={formats[format].opens} asked={questionIn(failure)} isOrderOpen={isOrderOpen} />
        <WhatWentWrong>{failure}</WhatWentWrong>
        <Button type="submit" loading={busy}>
          Import
        </Button>
      </form>
      {outcome !== undefined && <ImportOutcome outcome={outcome} />}
      {outcome === undefined && failure === undefined && (
        <Empty title="What another system recorded becomes sessions here">
          Choose what it exported, or the answers of its API. The same file twice changes nothing, and nothing is
          guessed: what cannot be taken is told line by line, with the reason.
        </Empty>
      )}
      <Text size="sm" c="dimmed">
        Of the same meeting it is one session more, where it was recorded here too: import what was before.
      </Text>
    </Stack>
  )
}

/** Throws what is to be said of it. */
function checkFile(file: File | undefined): File {
  if (file === undefined) throw new Error('There is no file yet: choose one')
  if (file.size === 0) throw new Error(`${file.name} is empty: export it again`)
  if (file.size <= fileMaxBytes) return file
  throw new Error(`${file.name} has more than 64 MiB: split it, or run rollcall import, which takes any`)
}

function readOptions(format: ImportFormat, form: FormData): ImportOptions {
  const said = (name: string) => textOf(form, name) || undefined
  return {
    ...{ format, room: said('room'), tz: said('tz'), date: said('date'), merged: form.has('merged') },
    dateOrder: said('dateOrder') as ImportOptions['dateOrder'],
  }
}
