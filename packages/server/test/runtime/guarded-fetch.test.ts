import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { isPublicAddress } from '../../src/runtime/addresses/public-address.ts'
import {
  answerMaxBytes,
  createGuardedFetch,
  FetchFailure,
  type FetchFailureCode,
} from '../../src/runtime/guarded-fetch.ts'
import { inEachTurn } from '../support/turns.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

/** A server of the outside world; gives its port. */
async function listen(answer: RequestListener, host = '127.0.0.1', port = 0): Promise<number> {
  const server = createServer(answer).listen(port, host)
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const guarded = createGuardedFetch({ allowPrivateAddresses: false })
const open = createGuardedFetch({ allowPrivateAddresses: true })

function failsWith(code: FetchFailureCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FetchFailure, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  }
}

describe('an address', () => {
  test('is refused where it is private, loopback, link-local, metadata or otherwise special', () => {
    const refused = [
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '100.100.100.200',
      '127.0.0.1',
      '127.255.255.254',
      '168.63.129.16',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
      '192.0.0.192',
      '192.168.0.1',
      '198.19.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      'fc00::1',
      'fd00:ec2::254',
      'fe80::1',
      'fe80::1%eth0',
      'fec0::1',
      'ff02::1',
      '2001:db8::1',
      'not an address',
    ]
    assert.deepEqual(refused.filter(isPublicAddress), [])
  })

  test('is refused where an IPv6 form hides such an IPv4 address', () => {
    const refused = [
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '0:0:0:0:0:ffff:a00:1',
      '::127.0.0.1',
      '::ffff:0:127.0.0.1',
      '64:ff9b::127.0.0.1',
      '64:ff9b::a9fe:a9fe',
      '64:ff9b:1::a00:1',
      '2002:7f00:1::',
      '2002:a9fe:a9fe::1',
      '2001:0:53aa:64c:0:0:80ff:fffe',
    ]
    assert.deepEqual(refused.filter(isPublicAddress), [])
  })

  test('is taken where anybody may have it', () => {
    const taken = [
      '1.1.1.1',
      '11.0.0.1',
      '100.63.255.255',
      '128.0.0.1',
      '172.15.255.255',
      '172.32.0.1',
      '192.169.0.1',
      '223.255.255.255',
      '2606:4700:4700::1111',
      '2a00:1450:4001:82a::200e',
      '::ffff:1.1.1.1',
      '64:ff9b::101:101',
    ]
    assert.deepEqual(
      taken.filter((address) => !isPublicAddress(address)),
      [],
    )
  })
})

describe('a guarded request', () => {
  test('reaches nothing on this machine or its network, however the address is written, and names the setting', async () => {
    let reached = 0
    const port = await listen((_, answer) => {
      reached += 1
      answer.end()
    })
    const hosts = [
      '127.0.0.1',
      'localhost',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0x7f.1',
      '0177.0.0.1',
      '017700000001',
      '127.0.0.1.',
      '１２７.0.0.1',
      '0',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
    ]
    for (const host of hosts) {
      const url = `http://${host}:${port}/`
      const refusal = failsWith('ADDRESS', /no public address: set ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on/)
      await assert.rejects(guarded.send(url), refusal, host)
      await assert.rejects(guarded.check(url), refusal, host)
    }
    assert.equal(reached, 0)
  })

  test('reaches a private address where the setting allows it', async () => {
    const port = await listen((request, answer) => answer.writeHead(201, { 'x-path': request.url }).end('hello'))
    const { status, headers, body } = await open.send(`http://127.0.0.1:${port}/a?b=c`)
    assert.deepEqual([status, headers['x-path'], body.toString()], [201, '/a?b=c', 'hello'])
    await open.check(`http://127.0.0.1:${port}/`)
  })

  test('sends its method, headers and body, and the name it was given as its host', async () => {
    let seen: Pick<IncomingMessage, 'method' | 'headers'> | undefined
    let body = ''
    const port = await listen(async (request, answer) => {
      seen = request
      for await (const chunk of request) body += chunk
      answer.end()
    })
    const headers = { 'content-type': 'text/plain', host: 'elsewhere' }
    await open.send(`http://localhost:${port}/`, { method: 'POST', headers, body: 'ünïcode' })
    assert.equal(seen?.method, 'POST')
    assert.deepEqual([seen.headers['content-type'], seen.headers.host], ['text/plain', `localhost:${port}`])
    assert.equal(body, 'ünïcode')
  })

  test('is refused where one of a name’s addresses is not public', async () => {
    const addresses = [
      { address: '1.1.1.1', family: 4 },
      { address: '10.0.0.7', family: 4 },
    ]
    const mixed = createGuardedFetch({ allowPrivateAddresses: false, resolver: async () => addresses })
    const refusal = failsWith('ADDRESS', /^rooms\.example resolves to 10\.0\.0\.7, which is no public address/)
    await assert.rejects(mixed.send('http://rooms.example/'), refusal)
    await assert.rejects(mixed.check('http://rooms.example/'), refusal)
  })

  test('is refused where the address, public as it is, is one of this machine or in a network of it', async () => {
    const here = { netmask: '', mac: '', internal: false }
    const interfaces = () => ({
      eth0: [
        { ...here, address: '8.8.4.4', family: 'IPv4' as const, cidr: '8.8.4.4/24' },
        { ...here, address: '2606:4700:1:2::5', family: 'IPv6' as const, cidr: '2606:4700:1:2::5/64', scopeid: 0 },
        { ...here, address: '9.9.9.9', family: 'IPv4' as const, cidr: null },
      ],
    })
    const check = (address: string, allowPrivateAddresses = false) => {
      const resolver = async () => [{ address, family: address.includes(':') ? 6 : 4 }]
      return createGuardedFetch({ allowPrivateAddresses, interfaces, resolver }).check('http://rooms.example/')
    }
    for (const own of ['8.8.4.4', '8.8.4.77', '9.9.9.9', '::ffff:8.8.4.4', '64:ff9b::8.8.4.4', '2606:4700:1:2::77']) {
      const refusal = failsWith('ADDRESS', /which is an address of this machine or its network: set ROLLCALL_ALLOW/)
      await assert.rejects(check(own), refusal, own)
      await check(own, true)
    }
    for (const other of ['8.8.5.4', '9.9.9.10', '2606:4700:1:3::5']) await check(other)
  })

  test('goes to the address that was looked at, though the name means another one a moment later', async () => {
    const port = await listen((_, answer) => answer.end('the first'))
    await listen((_, answer) => answer.end('the second'), '127.0.0.2', port)
    let asked = 0
    const resolver = async () => [{ address: `127.0.0.${++asked}`, family: 4 }]
    const rebound = createGuardedFetch({ allowPrivateAddresses: true, resolver })
    const { body } = await rebound.send(`http://rooms.example:${port}/`)
    assert.deepEqual([body.toString(), asked], ['the first', 1])
  })

  test('follows no redirect: it is an answer like any other', async () => {
    let reached = 0
    const inside = await listen((_, answer) => {
      reached += 1
      answer.end()
    })
    const port = await listen((_, answer) =>
      answer.writeHead(302, { location: `http://127.0.0.1:${inside}/secret` }).end(),
    )
    const { status } = await open.send(`http://127.0.0.1:${port}/`)
    assert.deepEqual([status, reached], [302, 0])
  })

  test('is given up where the answer is larger than its limit', async () => {
    const port = await listen((_, answer) => answer.end(Buffer.alloc(answerMaxBytes + 1)))
    await assert.rejects(open.send(`http://127.0.0.1:${port}/`), failsWith('TOO_LARGE', /more than 1048576 bytes/))
    const { body } = await open.send(`http://127.0.0.1:${port}/`, { maxBytes: answerMaxBytes + 1 })
    assert.equal(body.length, answerMaxBytes + 1)
  })

  test('is given up where the answer, or the look-up of the name, takes longer than its limit', async () => {
    const silent = await listen(() => {})
    const dripping = await listen((_, answer) => {
      answer.write('a')
    })
    const tooSlow = failsWith('TOO_SLOW', /did not answer within 50 ms/)
    for (const port of [silent, dripping]) {
      await assert.rejects(open.send(`http://127.0.0.1:${port}/`, { timeoutMs: 50 }), tooSlow)
    }
    const stuck = createGuardedFetch({ allowPrivateAddresses: false, resolver: () => new Promise(() => {}) })
    await assert.rejects(stuck.send('http://rooms.example/', { timeoutMs: 50 }), tooSlow)
  })

  test('that reaches nobody says so; a name that nobody knows yet passes the check', async () => {
    const resolver = async () => {
      throw new Error('getaddrinfo ENOTFOUND rooms.example')
    }
    const nowhere = createGuardedFetch({ allowPrivateAddresses: false, resolver })
    await assert.rejects(nowhere.send('http://rooms.example/'), failsWith('UNREACHABLE', /rooms\.example cannot be/))
    await nowhere.check('http://rooms.example/')
    const port = await listen((request) => request.socket.destroy())
    await assert.rejects(open.send(`http://127.0.0.1:${port}/`), failsWith('UNREACHABLE', /cannot be reached/))
  })

  test('takes http and https alone, and no password in the address', async () => {
    for (const url of ['ftp://example.org/', 'file:///etc/passwd', 'gopher://example.org/', 'example.org', '']) {
      await assert.rejects(open.send(url), failsWith('ADDRESS', /no http or https address/), url)
    }
    await assert.rejects(open.send('http://user:secret@example.org/'), (error: Error) => {
      assert.ok(!error.message.includes('secret'))
      return failsWith('ADDRESS', /user and password/)(error)
    })
  })

  test('is one of a few that are begun in a turn of the event loop, however many are made in one moment', async () => {
    const count = 200
    const port = await listen((_, answer) => answer.end('ok'))
    const begin = 'http.client.request.start'
    const turns = await inEachTurn<unknown>(async (note) => {
      subscribe(begin, note)
      const sent = Array.from({ length: count }, () => open.send(`http://127.0.0.1:${port}/`))
      const bodies = (await Promise.all(sent)).map(({ body }) => body.toString())
      unsubscribe(begin, note)
      assert.deepEqual(bodies, Array(count).fill('ok'))
    })
    assert.equal(turns.flat().length, count)
    const most = Math.max(...turns.map(({ length }) => length))
    assert.ok(most <= 10, `${most} were begun in one turn`)
  })
})
