import { Type } from 'typebox'
import type { Json } from './json.ts'

/** Longest `metadata`, as JSON, in UTF-16 units. */
export const metadataMaxLength = 8192
/** Deepest nesting of what is carried along unread, `metadata` or a signal: no program's stack is as deep as JSON may be. */
export const carriedMaxDepth = 32

/** Whatever somebody wants to keep of a participant. */
export const Metadata = Type.Refine(
  Type.Unsafe<Json>({
    description: `any JSON of at most ${metadataMaxLength} characters, nested at most ${carriedMaxDepth} deep`,
    about: 'Whatever you want to keep of them.',
  }),
  (value) => isNestedAtMost(value, carriedMaxDepth) && JSON.stringify(value).length <= metadataMaxLength,
)

/** What one participant's browser tells another's. */
export const SignalData = Type.Refine(Type.Unknown(), (value) => isNestedAtMost(value, carriedMaxDepth))

function isNestedAtMost(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((inner) => isNestedAtMost(inner, depth - 1))
}
