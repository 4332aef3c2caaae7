/** A server that runs on the record, by the addresses that are known. */
export async function findServer(addresses: string[]): Promise<string | undefined> {
  for (const address of addresses) {
    // A server that was killed left its address behind.
    const isThere = await fetch(`${address}/livez`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isThere) return address
  }
  return undefined
}
