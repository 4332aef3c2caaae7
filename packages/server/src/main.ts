import { runOnRightNode } from './runtime/node-version.ts'

await runOnRightNode(async () => {
  const { startFromShell } = await import('./cli/start/start.ts')
  await startFromShell(process.argv.slice(2))
})
