/** Does something, and gives what was noted in each turn of the loop meanwhile. */
export async function inEachTurn<Noted>(work: (note: (one: Noted) => void) => Promise<unknown>): Promise<Noted[][]> {
  const turns: Noted[][] = [[]]
  let isOver = false
  const count = () => {
    turns.push([])
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  try {
    await work((one) => turns.at(-1)?.push(one))
  } finally {
    isOver = true
  }
  return turns
}
