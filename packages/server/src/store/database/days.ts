export const dayMs = 86_400_000

/** In UTC. */
export function startOfDay(at: number): number {
  return Math.floor(at / dayMs) * dayMs
}
