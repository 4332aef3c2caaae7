/** A session that is shown otherwise than before. */
export type ShownOtherwise = { keyId: number; sessionId: string }
