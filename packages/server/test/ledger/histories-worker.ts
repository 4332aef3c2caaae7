import { parentPort } from 'node:worker_threads'
import { type PropertyName, properties } from './histories.ts'
import { createWorld } from './world.ts'

export type ToCheck = { name: PropertyName; histories: number; seed: number }
export type Checked = { failure: string | undefined }

const world = await createWorld()

parentPort?.on('message', async ({ name, ...options }: ToCheck) => {
  const failure = await properties[name].check(world, options).then(
    () => undefined,
    (error: Error) => error.message,
  )
  parentPort?.postMessage({ failure } satisfies Checked)
})
