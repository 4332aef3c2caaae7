import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { OpenApiDocument } from '../../../src/api/openapi/openapi-document.ts'
import type { Answer } from '../start-server.ts'

/** A server's OpenAPI document, and what it says a value is. */
export type Described = {
  document: OpenApiDocument
  /** Fails where the value is not what the schema at this JSON pointer says: that, no more than that, and in its order. */
  check(pointer: string, value: unknown): void
}

let described: Promise<Described> | undefined

/** The document is the same of every server, but for the address: it is asked for once. */
export function describeServer(url: string): Promise<Described> {
  described ??= fetch(`${url}/openapi.json`).then(async (answer) => describe((await answer.json()) as OpenApiDocument))
  return described
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
  const template = findTemplate(document, verb, path)
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
  const ajv = new Ajv2020({ strict: false, validateSchema: false })
  ajv.addFormat('int64', true)
  ajv.addFormat('double', true)
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$/)
  ajv.addKeyword({ keyword: 'keysInOrder', validate: isInOrder })
  ajv.addSchema(close(document) as object, 'document')
  return {
    document,
    check(pointer, value) {
      const isValid = ajv.getSchema(`document#${encodeURI(pointer)}`)
      assert.ok(isValid, `the document has nothing at ${pointer}`)
      if (isValid(value)) return
      assert.fail(`not as the document says at ${pointer}: ${ajv.errorsText(isValid.errors)}: ${JSON.stringify(value)}`)
    },
  }
}

/** Every schema of an object takes the fields that it names and no others, in its order. */
function close(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(close)
  const closed = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, close(part)]))
  if (closed.type !== 'object' || closed.properties === undefined) return closed
  return { additionalProperties: false, ...closed, keysInOrder: Object.keys(closed.properties as object) }
}

function isInOrder(names: string[], value: object): boolean {
  const places = Object.keys(value).map((name) => names.indexOf(name))
  return places.every((place, i) => i === 0 || place > (places[i - 1] ?? 0))
}

/** The path of the document that a request is for: of several, the one with the fewest parameters. */
function findTemplate(document: OpenApiDocument, verb: string, path: string): string | undefined {
  const asked = path.split('?', 1)[0]?.split('/').filter(Boolean) ?? []
  const fits = (template: string) => {
    const steps = template.split('/').filter(Boolean)
    return steps.length === asked.length && steps.every((step, i) => step === asked[i] || step.startsWith('{'))
  }
  return Object.keys(document.paths)
    .filter((template) => document.paths[template]?.[verb] !== undefined && fits(template))
    .sort((a, b) => a.split('{').length - b.split('{').length)[0]
}
