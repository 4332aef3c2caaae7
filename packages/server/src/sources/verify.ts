import { Refusal } from '../error.ts'
import type { Source } from '../store/sources.ts'
import type { Delivery, Engine } from './engines/engine.ts'

/**
 * Verifies what came by the credentials of its source, or by those before them for as long as they hold. Throws a `Refusal`
 * SIGNATURE_INVALID where neither fit.
 */
export async function verifyDelivery(
  engine: Pick<Engine<Source['settings']>, 'verify'>,
  delivery: Delivery,
  { settings, previous }: Source,
): Promise<void> {
  try {
    await engine.verify(delivery, settings)
  } catch (error) {
    const isRotated = previous !== undefined && delivery.receivedAt < previous.until
    if (!isRotated || !(error instanceof Refusal)) throw error
    if (!(await fits(engine, delivery, { ...settings, ...previous.settings }))) throw error
  }
}

async function fits(
  { verify }: Pick<Engine<Source['settings']>, 'verify'>,
  delivery: Delivery,
  settings: Source['settings'],
): Promise<boolean> {
  try {
    await verify(delivery, settings)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
