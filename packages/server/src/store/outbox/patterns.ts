/** Whether a list of exact names and globs (`*`, `session*`, `participant-*`) has this one. */
export function wants(events: string[], type: string): boolean {
  return events.some((pattern) => fits(pattern, type))
}

/** Each `*` stands for anything, also nothing. Walked from part to part: no pattern makes it slow. */
function fits(pattern: string, type: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === type
  if (!type.startsWith(first)) return false
  let place = first.length
  for (const part of rest) {
    const found = type.indexOf(part, place)
    if (found === -1) return false
    place = found + part.length
  }
  return type.length - last.length >= place && type.endsWith(last)
}
