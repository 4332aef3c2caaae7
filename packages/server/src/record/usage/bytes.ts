/** Packs whole numbers, of seven bits a byte, the lowest first. `unpackNumbers` reads them. */
export function createBytes() {
  let bytes = Buffer.alloc(1024)
  let length = 0
  return {
    add(number: number) {
      // Ten bytes hold any whole number there is.
      if (length + 10 > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2)
      let left = number
      for (; left >= 128; left = Math.floor(left / 128)) bytes[length++] = (left % 128) + 128
      bytes[length++] = left
    },
    bytes: () => bytes.subarray(0, length),
  }
}

/**
 * Unpacks `most` numbers from a place on, or all that are left before `end`, into the first places of `numbers`.
 * @returns how many, and the place after them
 */
export function unpackNumbers(
  bytes: Buffer,
  { at: from, end, most }: { at: number; end: number; most: number },
  numbers: Float64Array,
): { count: number; at: number } {
  let at = from
  let count = 0
  for (; count < most && at < end; count++) {
    let byte = bytes[at++] ?? 0
    let number = byte & 127
    for (let place = 128; byte >= 128; place *= 128) {
      byte = bytes[at++] ?? 0
      number += (byte & 127) * place
    }
    numbers[count] = number
  }
  return { count, at }
}
