// How makers tell who somebody is, in the words that the record has for it.

/** By their address, in small letters; else by their name. Undefined where the row says neither. */
export function idOf(email: string | undefined, name: string | undefined): string | undefined {
  // Some makers hide part of an address, which is then of many.
  return email?.includes('*') === false ? email.toLowerCase() : (name ?? email?.toLowerCase())
}

/** `Ann (Ann Smith)` is called Ann, as Zoom writes whoever changed their name. */
export function withoutOriginalName(name: string | undefined): string | undefined {
  // Not by a pattern: of many brackets it would try each with each.
  const bracketAt = name?.endsWith(')') ? name.indexOf('(', 1) : -1
  const isNamed = name !== undefined && bracketAt > 0 && bracketAt < name.length - 2
  return isNamed ? name.slice(0, bracketAt).trimEnd() || name : name
}
