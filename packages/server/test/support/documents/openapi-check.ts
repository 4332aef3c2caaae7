import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenApiDocument } from '../../../src/api/openapi/openapi-document.ts'
import type { Answer } from '../start-server.ts'
import { readSchemas } from './built-check.ts'

/** A server's OpenAPI document, and what it says a value is. */
export type Described = {
  document: OpenApiDocument
  /** Fails where the value is not what the schema at this JSON pointer says: that, no more than that, and in its order. */
  check(pointer: string, value: unknown): void
}

let described: Promise<Described> | undefined

/** The document is the same of every server, but for the address: it is asked for once, by a file of tests, or by the run. */
export function describeServer(url: string): Promise<Described> {
  described ??= readDocument(url).then((text) => describe(JSON.parse(text) as OpenApiDocument))
  return described
}

function readDocument(url: string): Promise<string> {
  const kept = process.env.ROLLCALL_TEST_OPENAPI
  return kept === undefined ? fetch(`${url}/openapi.json`).then((answer) => answer.text()) : readFile(kept, 'utf8')
}

/** For the files of tests of a run: the document, in a file in this folder. */
export async function keepDocument(url: string, folder: string): Promise<void> {
  const path = join(folder, 'openapi.json')
  await writeFile(path, await readDocument(url))
  process.env.ROLLCALL_TEST_OPENAPI = path
}

/** Fails where an answer is not as the document has it: its route, its status, its body, the code of its error. */
export function assertDescribed(
  { document, check }: Described,
  method: string,
  path: string,
  { status, headers, text, body }: Answer<unknown>,
): void {
  const what = `${method} ${path} answered ${status} ${text.slice(0, 2000)}`
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
  const mediaType = headers['content-type']?.split(';', 1)[0] ?? ''
  const template = findTemplate(readTemplates(document, verb), path)
  if (template === undefined) {
    assert.ok(status >= 400, `${what}: the document has no such route`)
    // A browser that asks for a page is shown one, which the document is not about.
    if (status === 404 && mediaType === 'text/html') return
    return check('/components/schemas/ErrorBody', body)
  }
  const response = document.paths[template]?.[verb]?.responses[status]
  assert.ok(response, `${what}: the document has no such status`)
  const { content, description } = response
  if (method === 'HEAD' || content === undefined) return assert.equal(text, '', what)
  assert.ok(content[mediaType], `${what}: the document has no ${mediaType}`)
  if (mediaType !== 'application/json') return
  check(`${toPointer(template)}/${verb}/responses/${status}/content/application~1json/schema`, body)
  if (status < 400) return
  // Ours has a code; Daily's is its error.
  const { code, error } = body as { code?: string; error: string }
  assert.ok(description.includes(`\`${code ?? error}\``), `${what}: the document has no such code under that status`)
}

/** Where the document has a path. */
export function toPointer(path: string): string {
  return `/paths/${path.replaceAll('/', '~1')}`
}

function describe(document: OpenApiDocument): Described {
  const { findFault } = readSchemas(document)
  return {
    document,
    check(pointer, value) {
      const fault = findFault(pointer, value)
      if (fault === undefined) return
      assert.fail(`not as the document says at ${pointer}: ${fault}: ${JSON.stringify(value)}`)
    },
  }
}

type Template = { template: string; steps: string[] }

const templatesOf = new WeakMap<OpenApiDocument, Map<string, Template[]>>()

/** The paths that the document has of a method, those with the fewest parameters first; read once. */
function readTemplates(document: OpenApiDocument, verb: string): Template[] {
  const known = templatesOf.get(document) ?? new Map<string, Template[]>()
  templatesOf.set(document, known)
  const templates =
    known.get(verb) ??
    Object.keys(document.paths)
      .filter((template) => document.paths[template]?.[verb] !== undefined)
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((template) => ({ template, steps: template.split('/').filter(Boolean) }))
  known.set(verb, templates)
  return templates
}

/** The path of the document that a request is for: of several, the one with the fewest parameters. */
function findTemplate(templates: Template[], path: string): string | undefined {
  const asked = path.split('?', 1)[0]?.split('/').filter(Boolean) ?? []
  const found = templates.find(
    ({ steps }) => steps.length === asked.length && steps.every((step, i) => step === asked[i] || step.startsWith('{')),
  )
  return found?.template
}
