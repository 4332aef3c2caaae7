/** Packs whole numbers, of seven bits a byte, the lowest first. */
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
