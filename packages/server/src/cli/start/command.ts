import { defineCommand } from 'citty'

export const start = defineCommand({
  meta: { name: 'start', description: 'Start the server; Ctrl-C stops it' },
  args: {
    demo: { type: 'boolean', description: 'Fill a key of its own with an invented month' },
    'print-token': { type: 'boolean', description: 'Print a token and a sign-in link, also to what is no terminal' },
  },
  // The server is half of the program, which no other command needs.
  run: async ({ rawArgs }) => (await import('./start.ts')).startFromShell(rawArgs),
})
