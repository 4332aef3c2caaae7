/** For the end of a switch over a closed union: reaching it is a mistake of the types, not of the input. */
export function assertNever(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`)
}
