import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limitResolver } from '../../src/runtime/addresses/dns.ts'

/** A name server that answers when it is told to. */
function slowNameServer() {
  const asked: string[] = []
  const answers = new Map<string, PromiseWithResolvers<{ address: string; family: number }[]>>()
  return {
    asked,
    answer: (name: string) => answers.get(name)?.resolve([{ address: '192.0.2.1', family: 4 }]),
    fail: (name: string) => answers.get(name)?.reject(new Error(`getaddrinfo ENOTFOUND ${name}`)),
    ask: (name: string) => {
      asked.push(name)
      const answer = Promise.withResolvers<{ address: string; family: number }[]>()
      answers.set(name, answer)
      return answer.promise
    },
  }
}

describe('the look-up of a name', () => {
  test('is asked for once, however many want to know it at that time, and again by whoever comes later', async () => {
    const server = slowNameServer()
    const resolve = limitResolver(server.ask)
    const all = [resolve('a.example'), resolve('a.example'), resolve('a.example')]
    server.answer('a.example')
    assert.equal((await Promise.all(all)).length, 3)
    assert.deepEqual(server.asked, ['a.example'])
    resolve('a.example')
    assert.deepEqual(server.asked, ['a.example', 'a.example'])
  })

  test('waits while as many as may be are under way: a name server that is silent leaves threads for the files', async () => {
    const server = slowNameServer()
    const resolve = limitResolver(server.ask, 2)
    const [first] = ['a', 'b', 'c', 'd'].map((name) => resolve(name))
    assert.deepEqual(server.asked, ['a', 'b'])
    server.answer('a')
    await first
    assert.deepEqual(server.asked, ['a', 'b', 'c'])
  })

  test('that fails fails for each who asked, and gives its turn to the next', async () => {
    const server = slowNameServer()
    const resolve = limitResolver(server.ask, 1)
    const failing = [resolve('a'), resolve('a')].map((one) => assert.rejects(one, /ENOTFOUND a/))
    const next = resolve('b')
    server.fail('a')
    await Promise.all(failing)
    assert.deepEqual(server.asked, ['a', 'b'])
    server.answer('b')
    assert.equal((await next).length, 1)
  })
})
