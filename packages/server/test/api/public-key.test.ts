import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, createSign, createVerify } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dataParent } from '../support/data-parent.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'

type Answer = { publicKey: string }

let dataFolder: string
let server: TestServer
before(async () => {
  dataFolder = await mkdtemp(join(dataParent, 'rollcall-test-'))
  server = await startServer({ ROLLCALL_DATA: dataFolder })
})
after(async () => {
  await server.stop()
  await rm(dataFolder, { recursive: true, force: true })
})

async function ask(): Promise<string> {
  const { status, text, body } = await server.call<Answer>('GET', '/v2/public/rsa-public-key', undefined, {
    token: null,
  })
  assert.equal(status, 200, text)
  assert.deepEqual(Object.keys(body), ['publicKey'])
  return body.publicKey
}

describe('GET /v2/public/rsa-public-key', () => {
  test('answers without a token a PKCS#1 key of 2048 bits, the same to many at once', async () => {
    const [pem = '', ...others] = await Promise.all([ask(), ask(), ask()])
    assert.match(pem, /^-----BEGIN RSA PUBLIC KEY-----\n[\s\S]+\n-----END RSA PUBLIC KEY-----\n$/)
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem)
    assert.deepEqual([asymmetricKeyType, asymmetricKeyDetails?.modulusLength], ['rsa', 2048])
    assert.deepEqual(others, [pem, pem])
  })

  test('answers the half that fits what the server signs with', async () => {
    const kept = await server.context.reads.signingKeys.find()
    const signature = createSign('RSA-SHA256')
      .update('a body')
      .sign(kept?.privatePem ?? '')
    assert.ok(
      createVerify('RSA-SHA256')
        .update('a body')
        .verify(await ask(), signature),
    )
  })

  test('answers the same after a restart', async () => {
    const before = await ask()
    await server.stop()
    server = await startServer({ ROLLCALL_DATA: dataFolder })
    assert.equal(await ask(), before)
  })

  test('leaves the private half in no file in clear', onSqlite, async () => {
    const publicPem = await ask()
    const { privatePem = '' } = (await server.context.reads.signingKeys.find()) ?? {}
    const der = createPrivateKey(privatePem).export({ type: 'pkcs1', format: 'der' }).subarray(100, 140)
    const files = (await readdir(dataFolder)).map((name) => readFile(join(dataFolder, name)))
    const kept = Buffer.concat(await Promise.all(files))
    assert.ok(kept.includes(lineOf(publicPem)))
    for (const trace of [lineOf(privatePem), der, der.toString('hex')]) assert.ok(!kept.includes(trace))
  })
})

/** A line from the middle of a PEM. */
function lineOf(pem: string): string {
  return pem.split('\n')[3] ?? ''
}
