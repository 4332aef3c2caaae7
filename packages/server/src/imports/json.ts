import type { Json } from '@rollcall/protocol'
import { Refusal } from '../error.ts'
import { decodeText } from './text.ts'

type Values = { [name: string]: Json }

/**
 * The JSON of a file: one document, or several one after another, as pages of an API that were written to one file. Throws a `Refusal`
 * where it is none.
 */
export function readDocuments(bytes: Uint8Array): Json[] {
  const text = decodeText(bytes).trim()
  try {
    return [JSON.parse(text)]
  } catch (error) {
    const documents = splitDocuments(text)
    if (documents.length < 2) throw new Refusal('BAD_REQUEST', `The file is not JSON: ${(error as Error).message}`)
    return documents.map((one, i) => parseDocument(one, i))
  }
}

/** What the documents hold under this name, or are themselves where they are lists: each with its path. */
export function listIn(documents: Json[], name: string): { path: string; value: Values }[] {
  return documents.flatMap((document, i) => {
    const at = documents.length > 1 ? `document ${i + 1}, ` : ''
    const [path, list] = Array.isArray(document) ? ['', document] : [name, valuesOf(document)?.[name]]
    if (!Array.isArray(list)) return []
    return list.flatMap((one, j) => {
      const value = valuesOf(one)
      return value === undefined ? [] : { path: `${at}${path}[${j}]`, value }
    })
  })
}

export function valuesOf(value: Json | undefined): Values | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

/** Nothing where it is no list. */
export function itemsOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}

/** A text that is not empty, or a number as one. */
export function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Epoch milliseconds of a time with its zone, as in RFC 3339; undefined for anything else. */
export function instantOf(value: Json | undefined): number | undefined {
  if (typeof value !== 'string' || !/(?:Z|[+-]\d\d:?\d\d)$/i.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}

/** Epoch milliseconds of a number of seconds. */
export function secondsOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.round(value * 1000) : undefined
}

function parseDocument(text: string, index: number): Json {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refusal('BAD_REQUEST', `Document ${index + 1} of the file is not JSON: ${(error as Error).message}`)
  }
}

/** Where one value at the top ends, the next begins. */
function splitDocuments(text: string): string[] {
  const documents: string[] = []
  let [depth, start] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]
    if (letter === '"') at = findEnd(text, at)
    else if (letter === '{' || letter === '[') depth += 1
    else if (letter === '}' || letter === ']') depth -= 1
    else continue
    if (letter === '"' || depth > 0) continue
    documents.push(text.slice(start, at + 1))
    start = at + 1
  }
  return text.slice(start).trim() === '' ? documents : []
}

/** Where the text that begins here ends. Not by a pattern, which would look for the end of one that has none from each quote in it. */
function findEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '"') return at
  }
  return text.length
}
