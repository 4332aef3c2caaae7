import { createRandom, type Random } from '../chaos/random.ts'

/** Choices of their own for each `n`, so that any one of many can be made again alone. */
export function randomOf(seed: number, n: number): Random {
  return createRandom(seed ^ Math.imul(n + 1, 0x9e3779b1))
}

export function bytesOf(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)))
}
