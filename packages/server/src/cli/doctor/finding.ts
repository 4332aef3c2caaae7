/** `look`: it works, and somebody should look at it. */
export type Finding = { state: 'ok' | 'look' | 'wrong'; text: string }

export const ok = (text: string): Finding => ({ state: 'ok', text })
export const look = (text: string): Finding => ({ state: 'look', text })
export const wrong = (text: string): Finding => ({ state: 'wrong', text })
