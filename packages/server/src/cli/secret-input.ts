import { readFileSync } from 'node:fs'
import { Refusal } from '../error.ts'

/** In place of a secret: it is read from stdin. What is on a command line every user of the machine can read. */
const fromStdin = '-'

/** Gives the secrets as they are, those that are `-` as the lines of stdin have them, in this order. */
export function readSecrets<Name extends string>(
  given: { [name in Name]: string | undefined },
  readInput = () => readFileSync(0, 'utf8'),
): { [name in Name]: string | undefined } {
  const names = (Object.keys(given) as Name[]).filter((name) => given[name] === fromStdin)
  if (names.length === 0) return given
  const lines = readInput().split(/\r?\n/)
  const read = { ...given }
  for (const [i, name] of names.entries()) {
    const line = lines[i]?.trim()
    if (!line) throw new Refusal('BAD_REQUEST', `stdin has no line for ${name}: give a line for each secret that is -`)
    read[name] = line
  }
  return read
}
