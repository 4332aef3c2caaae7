import { Refusal } from '../error.ts'
import type { Source } from '../store/sources.ts'
import type { Delivery, DeliveryHead, Engine } from './engines/engine.ts'

type Settings = Source['settings']
type AnyEngine = Pick<Engine<Settings>, 'verifyHead' | 'verifyBody'>

/**
 * Verifies what can be verified before a body is read. Gives the settings that the head fits, of the source's own and of those
 * before them for as long as they hold. Throws a `Refusal` SIGNATURE_INVALID where it fits neither.
 */
export function verifyHead(
  engine: Pick<AnyEngine, 'verifyHead'>,
  head: DeliveryHead,
  { settings, previous }: Source,
): Settings[] {
  const isRotated = previous !== undefined && head.receivedAt < previous.until
  const fitting: Settings[] = []
  let refusal: unknown
  for (const one of isRotated ? [settings, { ...settings, ...previous.settings }] : [settings]) {
    try {
      engine.verifyHead(head, one)
      fitting.push(one)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusal ??= error
    }
  }
  if (fitting.length === 0) throw refusal
  return fitting
}

/** Verifies the rest, by the settings that the head fits. Throws a `Refusal` SIGNATURE_INVALID where the body fits none of them. */
export async function verifyBody(
  engine: Pick<AnyEngine, 'verifyBody'>,
  delivery: Delivery,
  fitting: Settings[],
): Promise<void> {
  let refusal: unknown
  for (const one of fitting) {
    try {
      return await engine.verifyBody?.(delivery, one)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusal ??= error
    }
  }
  throw refusal
}
