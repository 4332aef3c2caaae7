import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { parseAst } from 'rolldown/parseAst'
import AsyncDisposableStack from '../async-disposable-stack.ts'
import { markSchemas } from '../rolldown.config.ts'

const dist = new URL('../dist/', import.meta.url)
const read = (name: string) => readFile(new URL(name, dist), 'latin1')

describe('the built server', () => {
  test('is ASCII in each of its files: V8 keeps such a text in half the memory', async () => {
    const names = await readdir(dist)
    const files = await Promise.all(names.map(async (name) => ({ name, text: await read(name) })))
    assert.ok(files.length > 0)
    for (const { name, text } of files) assert.equal(/[^\0-\x7f]/.exec(text), null, name)
  })

  for (const name of ['thread.js', 'reading-thread.js']) {
    test(`has each thread in one file: ${name} shares none with others`, async () => {
      const text = await read(name)
      assert.deepEqual(/^import .* from "\.[^"]*";$/m.exec(text), null)
    })
  }

  test('writes without what only PostgreSQL, or a check of requests, takes', async () => {
    const text = await read('thread.js')
    for (const part of ['pg-pool', 'pg-protocol', 'NewSource', 'ajv']) assert.ok(!text.includes(part), part)
  })
})

describe('what is left out of the built server where nobody uses it', () => {
  const protocol = new URL('../../protocol/src/', import.meta.url)

  type Node = { type: string; [field: string]: unknown }
  const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string'
  const parse = (text: string) => parseAst(text, { lang: 'ts' }) as unknown as Node
  /** All that is in it, itself first. */
  const nodesIn = (node: Node): Node[] => [node, ...Object.values(node).flat().filter(isNode).flatMap(nodesIn)]
  const withoutPlaces = (node: Node) =>
    JSON.stringify(node, (name, value) => (['start', 'end', 'range'].includes(name) ? undefined : value))

  test('is marked so in `protocol/`, where nothing else of the text changes', async () => {
    for (const name of await readdir(protocol)) {
      const text = await readFile(new URL(name, protocol), 'utf8')
      assert.equal(withoutPlaces(parse(markSchemas(text))), withoutPlaces(parse(text)), name)
    }
    assert.equal(
      markSchemas('const A = Type.Array(Id(1))'),
      'const A = /* @__PURE__ */ Type.Array(/* @__PURE__ */ Id(1))',
    )
  })

  test('does nothing but make a value: each function in `protocol/` whose name begins with a capital', async () => {
    const checked: string[] = []
    for (const file of await readdir(protocol)) {
      const functions = functionsIn(parse(await readFile(new URL(file, protocol), 'utf8')))
      const makers = [...functions.keys()].filter((name) => /^[A-Z]/.test(name))
      for (const name of makers) assertPure(name, functions, file)
      checked.push(...makers)
    }
    assert.ok(checked.includes('Time') && checked.includes('OneOfTypes'), checked.join())
  })

  /** By their names. */
  function functionsIn(program: Node): Map<string, Node> {
    const found = new Map<string, Node>()
    for (const node of nodesIn(program)) {
      const { id, init } = node as Node & { id?: { name?: string } | null; init?: Node | null }
      const isFunction = node.type === 'FunctionDeclaration' || init?.type === 'ArrowFunctionExpression'
      if (isFunction && id?.name !== undefined) found.set(id.name, node)
    }
    return found
  }

  /** It calls what makes a schema, what looks at what it is given, and functions beside it that are no different. */
  function assertPure(name: string, functions: Map<string, Node>, file: string): void {
    const made = functions.get(name)
    assert.ok(made !== undefined, `${file}: where is ${name}?`)
    for (const { type, operator, callee } of nodesIn(made)) {
      assert.doesNotMatch(type, /^(Assignment|Update|Await|Yield|New|Import)Expression$|^Throw/, `${file}: ${name}`)
      assert.notEqual(operator, 'delete', `${file}: ${name}`)
      if (type !== 'CallExpression') continue
      const { name: called, object, property } = callee as Node & { name?: string; object?: Node; property?: Node }
      const method = `${String(object?.name)}.${String(property?.name)}`
      if (called === undefined)
        assert.match(method, /^Type\.[A-Z]\w*$|^Object\.fromEntries$|\.(map|join)$/, `${file}: ${name}`)
      else if (!/^[A-Z]/.test(called)) assertPure(called, functions, file)
    }
  }
})

describe('what the built server disposes of', () => {
  for (const Stack of [AsyncDisposableStack, globalThis.AsyncDisposableStack]) {
    const whose = Stack === AsyncDisposableStack ? 'here' : 'by Node'
    test(`is disposed of in reverse, all of it, and what failed is thrown: ${whose}`, async () => {
      const done: string[] = []
      const fail = (what: string) => {
        done.push(what)
        throw new Error(what)
      }
      const moved = await (async () => {
        await using stack = new Stack()
        stack.defer(async () => fail('first'))
        stack.defer(() => void done.push('second'))
        stack.defer(() => fail('third'))
        return stack.move()
      })()
      assert.deepEqual(done, [])
      await assert.rejects(moved.disposeAsync(), ({ name, error, suppressed }: SuppressedError) => {
        assert.deepEqual([name, error.message, suppressed.message], ['SuppressedError', 'first', 'third'])
        return true
      })
      await moved.disposeAsync()
      assert.deepEqual(done, ['third', 'second', 'first'])
    })
  }
})
