// Who has a gram is kept for 4,096 numbers at a time, as a text that either database keeps and nobody has to unpack twice: in base64, the
// numbers of two bytes each, or where that is shorter a bit for each number. It fits into a page of SQLite beside its key.

/** Numbers of one block. */
export const blockNumbers = 4096
const words = blockNumbers / 32
const bitmapBytes = blockNumbers / 8

/** A bit for each number of a block, in words of 32. */
export type Bits = Uint32Array

export function createBits(): Bits {
  return new Uint32Array(words)
}

/** Where one text is unpacked after the other. */
const unpacked = Buffer.alloc(bitmapBytes)

export function readBits(members: string): Bits {
  const length = unpacked.write(members, 'base64')
  const bits = createBits()
  if (length === bitmapBytes) new Uint8Array(bits.buffer).set(unpacked)
  else for (let at = 0; at < length; at += 2) setBit(bits, (unpacked[at] ?? 0) | ((unpacked[at + 1] ?? 0) << 8))
  return bits
}

/** Empty where no bit is set. */
export function writeBits(bits: Bits): string {
  const isList = countBits(bits) * 2 < bitmapBytes
  const { buffer } = isList ? Uint16Array.from(listBits(bits)) : bits
  return Buffer.from(buffer).toString('base64')
}

export function hasBit(bits: Bits, place: number): boolean {
  return (((bits[place >>> 5] ?? 0) >>> (place & 31)) & 1) === 1
}

export function setBit(bits: Bits, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) | (1 << (place & 31))
}

export function clearBit(bits: Bits, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) & ~(1 << (place & 31))
}

export function countBits(bits: Bits): number {
  let count = 0
  for (let at = 0; at < words; at++) {
    const word = bits[at] ?? 0
    if (word !== 0) count += countOfWord(word)
  }
  return count
}

/** As Hacker's Delight has it: of two bits each, then of four, of eight, and all. */
function countOfWord(word: number): number {
  const twos = word - ((word >>> 1) & 0x55555555)
  const fours = (twos & 0x33333333) + ((twos >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

export function listBits(bits: Bits): number[] {
  const places: number[] = []
  for (let at = 0; at < words; at++) {
    for (let word = bits[at] ?? 0; word !== 0; word &= word - 1) places.push(at * 32 + 31 - Math.clz32(word & -word))
  }
  return places
}
