import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// Three machines, as far as one can be three: a network namespace each, on a bridge of this one. Patroni and PostgreSQL run in them,
// etcd and HAProxy beside them.

export const programs = ['etcd', 'patroni', 'haproxy', 'ip', 'setpriv']
export const packages = 'patroni etcd-server haproxy postgresql iproute2'
const bridge = 'rollcall0'
const network = '10.77.0'
const etcdPort = 23_790
export const login = { user: 'rollcall', password: 'rollcall' }

export type Node = {
  name: string
  address: string
  /** What Patroni says of this node at a path of its REST API; undefined where it does not answer. */
  ask(path: string): Promise<{ status: number; body: unknown } | undefined>
  start(): void
  /** Ends Patroni and PostgreSQL at once, as a machine that loses its power. */
  kill(): Promise<void>
  /** Has another be the primary. */
  switchOver(): Promise<void>
  /** Takes it off the network. */
  cut(): void
  join(): void
}

/** So that of a switch-over or a failover nothing is lost that was acknowledged: a commit waits for one of the others. */
const dcs = {
  ttl: 6,
  loop_wait: 1,
  retry_timeout: 2,
  synchronous_mode: true,
  postgresql: {
    use_pg_rewind: true,
    parameters: {
      max_connections: 80,
      shared_buffers: '48MB',
      wal_log_hints: 'on',
      wal_keep_size: '256MB',
      wal_sender_timeout: '3s',
      wal_receiver_timeout: '3s',
      tcp_keepalives_idle: 2,
      tcp_keepalives_interval: 1,
      tcp_keepalives_count: 3,
    },
  },
}

export function makeNetwork(): void {
  dropNetwork()
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('address', 'add', `${network}.1/24`, 'dev', bridge)
  ip('link', 'set', bridge, 'up')
}

export function dropNetwork(): void {
  for (const name of ['one', 'two', 'three']) tryIp('netns', 'delete', spaceOf(name))
  tryIp('link', 'delete', bridge)
}

export function startEtcd(folder: string): ChildProcess {
  const client = `http://${network}.1:${etcdPort}`
  const peer = `http://${network}.1:${etcdPort + 1}`
  return run(folder, 'etcd', [
    'etcd',
    ...['--name', 'only', '--data-dir', join(folder, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `only=${peer}`],
    ...['--heartbeat-interval', '200', '--election-timeout', '2000'],
  ])
}

/** Before all of them: each connection goes to whoever is the primary, and breaks when it is not any more. */
export function startProxy(folder: string, port: number, nodes: Node[]): ChildProcess {
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  maxconn 400
defaults
  mode tcp
  timeout connect 1s
  timeout check 1s
  timeout client 30m
  timeout server 30m
listen rollcall
  bind 127.0.0.1:${port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
${nodes.map(({ name, address }) => `  server ${name} ${address}:5432 check port 8008`).join('\n')}
`,
  )
  return run(folder, 'haproxy', ['haproxy', '-db', '-f', file])
}

export function createNode(folder: string, name: string, number: number): Node {
  const address = `${network}.${10 + number}`
  const space = spaceOf(name)
  const outside = `rollcall${number}`
  const data = join(folder, name)
  const settings = join(folder, `${name}.yml`)
  ip('netns', 'add', space)
  ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
  ip('link', 'set', outside, 'master', bridge, 'up')
  for (const args of [
    ['address', 'add', `${address}/24`, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
    ['link', 'set', 'lo', 'up'],
  ]) {
    ip('-n', space, ...args)
  }
  writeFileSync(settings, JSON.stringify(settingsOf(name, address, data)))
  let patroni: ChildProcess | undefined

  return {
    name,
    address,
    async ask(path) {
      try {
        const response = await fetch(`http://${address}:8008${path}`, { signal: AbortSignal.timeout(1000) })
        return { status: response.status, body: await response.json() }
      } catch {
        return undefined
      }
    },
    start() {
      const asPostgres = ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups']
      patroni = run(folder, name, ['ip', 'netns', 'exec', space, ...asPostgres, 'patroni', settings])
    },
    async kill() {
      const [pid = ''] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
      const ended = new Promise((resolve) => patroni?.once('exit', resolve))
      patroni?.kill('SIGKILL')
      process.kill(Number(pid), 'SIGKILL')
      await ended
    },
    async switchOver() {
      const response = await fetch(`http://${address}:8008/switchover`, {
        method: 'POST',
        body: JSON.stringify({ leader: name }),
      })
      if (!response.ok) throw new Error(`${name} did not switch over: ${await response.text()}`)
    },
    cut: () => ip('link', 'set', outside, 'down'),
    join: () => ip('link', 'set', outside, 'up'),
  }
}

function settingsOf(name: string, address: string, data: string) {
  const replication = { username: 'replicator', password: 'replicator' }
  return {
    scope: 'rollcall',
    name,
    restapi: { listen: `${address}:8008`, connect_address: `${address}:8008` },
    etcd3: { host: `${network}.1:${etcdPort}` },
    bootstrap: { dcs, initdb: [{ encoding: 'UTF8' }, 'data-checksums'] },
    postgresql: {
      listen: `${address}:5432`,
      connect_address: `${address}:5432`,
      data_dir: data,
      bin_dir: '/usr/lib/postgresql/15/bin',
      pgpass: join(data, '..', `${name}.pgpass`),
      authentication: {
        superuser: { username: login.user, password: login.password },
        replication,
        rewind: { username: login.user, password: login.password },
      },
      parameters: { unix_socket_directories: '' },
      pg_hba: [
        'local all all trust',
        `host replication replicator ${network}.0/24 scram-sha-256`,
        'host all all 0.0.0.0/0 scram-sha-256',
      ],
    },
  }
}

function spaceOf(name: string): string {
  return `rollcall-${name}`
}

/** Its output goes to a file of its own. */
function run(folder: string, name: string, [command = '', ...args]: string[]): ChildProcess {
  const log = openSync(join(folder, `${name}.log`), 'a')
  return spawn(command, args, { stdio: ['ignore', log, log] })
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

function tryIp(...args: string[]): void {
  try {
    ip(...args)
  } catch {
    // It was not there.
  }
}
