import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { testTooLarge, withProgram } from '../support/clients/upload/upload.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const programs = join(import.meta.dirname, '../support/clients/upload')
const uploaders = {
  Go: withProgram('go', 'run', join(programs, 'upload.go')),
  Java: withProgram('java', join(programs, 'Upload.java')),
}

let server: TestServer
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
})
after(() => server.stop())

// Node, Python, curl and Chromium are asked in api/early-answers.system.ts.
describe('an answer that is given while the client still sends arrives as that answer', () => {
  testTooLarge(uploaders, () => server)
})
