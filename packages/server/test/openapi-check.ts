import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { OpenApiDocument } from '../src/api/openapi-document.ts'
import type { Answer } from './start-server.ts'

/** What a value has to be: throws an error that says where it is not. */
type Check = (value: unknown) => void

type Described = { document: OpenApiDocument; check(pointer: string): Check }

let described: Promise<Described> | undefined

/** The document of a server: it is the same of every server, but for the address. */
export function describeServer(url: string): Promise<Described> {
  described ??= fetch(`${url}/openapi.json`).then(async (answer) => describe((await answer.json()) as OpenApiDocument))
  return described
}

/**
 * Holds an answer to the server's own OpenAPI document: the route and the status are in it, the body is as described, no
 * field is there that it does not name, and the fields come in its order.
 */
export async function assertDescribed(
  url: string,
  method: string,
  path: string,
  answer: Answer<unknown>,
): Promise<void> {
  const { document, check } = await describeServer(url)
  const { status, headers, text, body } = answer
  const what = `${method} ${path} answered ${status} ${text.slice(0, 2000)}`
  const template = findTemplate(document, method === 'HEAD' ? 'get' : method.toLowerCase(), path)
  if (template === undefined) {
    assert.ok(status >= 400, `${what}, which is not in the document`)
    return check('/components/schemas/ErrorBody')(body)
  }
  const pointer = `/paths/${template.path.replaceAll('~', '~0').replaceAll('/', '~1')}/${template.method}/responses/${status}`
  const response = document.paths[template.path]?.[template.method]?.responses[status]
  assert.ok(response, `${what}: the document has no such status`)
  if (text === '' || response.content === undefined) return assert.equal(text, '', what)
  const mediaType = headers['content-type']?.split(';', 1)[0] ?? ''
  assert.ok(response.content[mediaType], `${what}: the document has no ${mediaType}`)
  if (mediaType !== 'application/json') return
  check(`${pointer}/content/application~1json/schema`)(body)
  if (status >= 400) {
    const { code } = body as { code: string }
    assert.ok(
      response.description.includes(`\`${code}\``),
      `${what}: the document has no code ${code} under its status`,
    )
  }
}

function describe(document: OpenApiDocument): Described {
  const ajv = new Ajv2020({ strict: false })
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}Z|\+00:00)$/)
  ajv.addKeyword({ keyword: 'keysInOrder', validate: isInOrder })
  ajv.addSchema(close(document) as object, 'document')
  const checks = new Map<string, Check>()
  return {
    document,
    check(pointer) {
      const known = checks.get(pointer)
      if (known !== undefined) return known
      const isValid = ajv.compile({ $ref: `document#${encodeURI(pointer)}` })
      const check: Check = (value) => {
        if (isValid(value)) return
        assert.fail(
          `not as the document says at ${pointer}: ${ajv.errorsText(isValid.errors)}: ${JSON.stringify(value)}`,
        )
      }
      checks.set(pointer, check)
      return check
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
function findTemplate(document: OpenApiDocument, method: string, path: string) {
  const asked = path.split('?', 1)[0]?.split('/').filter(Boolean) ?? []
  const fits = (template: string) => {
    const steps = template.split('/').filter(Boolean)
    return steps.length === asked.length && steps.every((step, i) => step === asked[i] || step.startsWith('{'))
  }
  const paths = Object.keys(document.paths).filter((path) => document.paths[path]?.[method] !== undefined && fits(path))
  const [best] = paths.sort((a, b) => a.split('{').length - b.split('{').length)
  return best === undefined ? undefined : { path: best, method }
}
