import type { Fact } from '@rollcall/protocol'
import { isUnseen, mayChange, type Write } from './nouns.ts'
import { factsIn } from './writer/batch.ts'

/** `keyIds`: undefined: of any. */
export type Written = { keyIds: number[] | undefined; hasWebhooks: boolean; hasErased?: boolean }

const erasing = new Set<Write['noun']>(['erasure', 'sessionErasure', 'roomErasure'])

/** A version of each key, another one after each write that shows on a page. */
export type Versions = {
  of(keyId: number): number
  /** To be called when a write is durable, and before anybody is answered. */
  countWrite(write: Write): void
  /** Counts what another process wrote. */
  countWritten(written: Written): void
  onWritten(listener: (written: Written) => void): void
  /** Another one after something was erased: what is remembered of names and of changes is old. */
  erasures(): number
}

/**
 * @param onChange called with the key whose numbered changes may be more; undefined: any key's
 * @param onEndpoint called with the key that may have its first endpoint for webhooks
 */
export function createVersions(
  onChange: (keyId: number | undefined) => void,
  onEndpoint: (keyId: number) => void,
): Versions {
  const ofKeys = new Map<number, number>()
  let ofAll = 0
  let erasures = 0
  let notify = (_: Written) => {}
  const count = (keyId: number | undefined) => {
    if (keyId !== undefined) ofKeys.set(keyId, (ofKeys.get(keyId) ?? 0) + 1)
    else ofAll += 1
  }
  return {
    of: (keyId) => ofAll + (ofKeys.get(keyId) ?? 0),
    countWrite(write) {
      if (isUnseen(write) || isQuality(write)) return
      const { keyId } = write.input as { keyId?: number }
      const hasWebhooks = addsEndpoint(write)
      count(keyId)
      if (keyId !== undefined && hasWebhooks) onEndpoint(keyId)
      if (mayChange(write)) onChange(keyId)
      const hasErased = erasing.has(write.noun)
      if (hasErased) erasures += 1
      notify({ keyIds: keyId === undefined ? undefined : [keyId], hasWebhooks, hasErased })
    },
    countWritten({ keyIds = [undefined], hasErased }) {
      if (hasErased) erasures += 1
      for (const keyId of keyIds) count(keyId)
    },
    onWritten(listener) {
      notify = listener
    },
    erasures: () => erasures,
  }
}

function addsEndpoint({ noun, verb, input }: Write): boolean {
  if (noun === 'webhooks') return verb === 'add'
  return noun === 'rooms' && verb === 'create' && (input as { webhook?: unknown }).webhook !== undefined
}

/** Samples come all the time, and are on none of the pages that are kept. */
function isQuality(write: Write): boolean {
  const facts = factsIn(write)?.facts as Fact[] | undefined
  return facts?.every(({ type }) => type === 'quality') === true
}
