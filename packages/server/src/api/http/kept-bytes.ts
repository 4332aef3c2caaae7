import { hash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { extname, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Bytes that everybody is sent alike, in the forms that there are of them. All answers share these buffers: a reader that
 * takes nothing holds up no copy of its own, however often it asks.
 */
export type KeptBytes = { type: string; forms: { [form in Form]?: Buffer } & { identity: Buffer }; digest: string }
type Form = (typeof packed)[number] | 'identity'

/** The smallest first. */
const packed = ['br', 'gzip'] as const

export function keepBytes(type: string, forms: KeptBytes['forms']): KeptBytes {
  return { type, forms, digest: hash('sha256', forms.identity, 'base64url').slice(0, 27) }
}

/** In the smallest form that the reader takes; 304 where it has that already. */
export function sendKept(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, forms, digest }: KeptBytes,
): FastifyReply {
  const accepted = readEncodings(request.headers['accept-encoding'])
  const form = packed.find((name) => forms[name] !== undefined && accepted.has(name)) ?? 'identity'
  const etag = `"${digest}-${form}"`
  const others = reply.getHeader('vary')
  reply.header('etag', etag).header('vary', others === undefined ? 'accept-encoding' : `${others}, accept-encoding`)
  if (hasAlready(request, etag)) return reply.code(304).send()
  if (form !== 'identity') reply.header('content-encoding', form)
  return reply.type(type).send(forms[form])
}

/**
 * Whether the client has what this tag stands for: it may name several, and a proxy that packs an answer makes its tag a weak one
 * (RFC 9110, section 13.1.2).
 */
export function hasAlready({ headers }: { headers: IncomingHttpHeaders }, etag: string): boolean {
  const named = headers['if-none-match']?.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return named !== undefined && (named.includes(etag) || named.includes('*'))
}

function readEncodings(header: string | string[] | undefined): Set<string> {
  const named = String(header ?? '').split(',')
  return new Set(named.filter((one) => !/;\s*q=0(\.0*)?\s*$/.test(one)).map((one) => one.replace(/;.*/, '').trim()))
}

export const htmlType = 'text/html; charset=utf-8'
const types: { [extension: string]: string } = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The files of a folder that a build made, with those that it packed beside them (`.br`, `.gz`). */
export type KeptFolder = {
  /** Undefined where there is no such file. One that was built anew meanwhile is read anew. */
  read(name: string): Promise<KeptBytes | undefined>
}

/** @param toPage makes of a page's text the one that is sent */
export function keepFolder(folder: string, toPage: (html: string) => string): KeptFolder {
  const files = new Map<string, { changedAt: number; bytes: Promise<KeptBytes> }>()
  return {
    async read(name) {
      const path = join(folder, name)
      const changedAt = await readChange(path)
      if (changedAt === undefined) return undefined
      const known = files.get(name)
      if (known?.changedAt === changedAt) return known.bytes
      const bytes = extname(path) === '.html' ? readPage(path, toPage) : readForms(path)
      files.set(name, { changedAt, bytes })
      // One that could not be read is read again when it is next asked for.
      bytes.catch(() => files.delete(name))
      return bytes
    },
  }
}

/** A page is small, and not packed. */
async function readPage(path: string, toPage: (html: string) => string): Promise<KeptBytes> {
  return keepBytes(htmlType, { identity: Buffer.from(toPage(await readFile(path, 'utf8'))) })
}

async function readForms(path: string): Promise<KeptBytes> {
  const [identity, br, gzip] = await Promise.all([readFile(path), readWhere(`${path}.br`), readWhere(`${path}.gz`)])
  const forms = { identity, ...(br !== undefined && { br }), ...(gzip !== undefined && { gzip }) }
  return keepBytes(types[extname(path)] ?? 'application/octet-stream', forms)
}

/** In epoch milliseconds; undefined where there is no such file. */
async function readChange(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    return undefinedWhereNone(error)
  }
}

async function readWhere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    return undefinedWhereNone(error)
  }
}

function undefinedWhereNone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}
