import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findOrInstall, type SystemProgram } from '../../../client/test/system-program.ts'
import { isListening } from '../support/ports.ts'

const run = promisify(execFile)

/** What a proxy is told: a server on this machine, below `/rollcall` of the proxy, which speaks TLS and HTTP/2. */
type Given = { port: number; upstream: string; folder: string; certificate: string; key: string }

/** A proxy as docs/proxies.md sets it up: how it is started, and its configuration. */
export type ProxyProgram = { command: string; args(folder: string): string[]; configuration(given: Given): string }

export const proxyPrograms: { [name: string]: ProxyProgram } = {
  nginx: {
    command: 'nginx',
    args: (folder) => ['-c', join(folder, 'proxy.conf'), '-p', folder, '-e', join(folder, 'error.log')],
    configuration: ({ port, upstream, folder, certificate, key }) => `
daemon off;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location /rollcall/ {
      proxy_pass http://${upstream}/;
      proxy_http_version 1.1;
      proxy_set_header Host $host:$server_port;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_request_buffering off;
      client_max_body_size 32m;
    }
  }
}`,
  },

  HAProxy: {
    command: 'haproxy',
    args: (folder) => ['-db', '-f', join(folder, 'proxy.conf')],
    configuration: ({ port, upstream, folder }) => `
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  timeout tunnel 1h
frontend public
  bind 127.0.0.1:${port} ssl crt ${folder}/both.pem alpn h2,http/1.1
  http-request set-header X-Forwarded-Proto https
  option forwardfor
  http-request replace-path ^/rollcall(/.*)?$ \\1
  default_backend rollcall
backend rollcall
  server one ${upstream}
`,
  },

  Caddy: {
    command: 'caddy',
    args: (folder) => ['run', '--adapter', 'caddyfile', '--config', join(folder, 'proxy.conf')],
    configuration: ({ port, upstream, certificate, key }) => `
{
  admin off
  auto_https off
}
https://127.0.0.1:${port} {
  tls ${certificate} ${key}
  handle_path /rollcall/* {
    reverse_proxy ${upstream} {
      flush_interval -1
    }
  }
}
`,
  },
}

export type RunningProxy = { origin: string; certificate: string; stop(): Promise<void> }

/** Debian has each under its own name. */
export function packageOf({ command }: Pick<ProxyProgram, 'command'>): SystemProgram {
  return { names: [command], packages: [command] }
}

/** Starts a proxy. Undefined where its program is not installed. */
export async function startProxy(
  { command, args, configuration }: ProxyProgram,
  { upstream, port }: { upstream: string; port: number },
): Promise<RunningProxy | undefined> {
  if ((await findOrInstall(packageOf({ command }))) === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-proxy-'))
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    key,
    '-out',
    certificate,
  ])
  const { stdout } = await run('cat', [certificate, key])
  await writeFile(join(folder, 'both.pem'), stdout)
  await writeFile(join(folder, 'proxy.conf'), configuration({ port, upstream, folder, certificate, key }))
  const child = spawn(command, args(folder), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: folder },
  })
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += chunk
  })
  try {
    await listening(child, port, () => said)
  } catch (error) {
    child.kill()
    throw error
  }
  return {
    origin: `https://127.0.0.1:${port}`,
    certificate: stdout.slice(0, stdout.indexOf('-----BEGIN PRIVATE')),
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function listening(child: ChildProcess, port: number, said: () => string): Promise<void> {
  while (!(await isListening(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the proxy ended: ${said()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
