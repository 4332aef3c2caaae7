/**
 * Long work is done in slices, and waits for its turn between them: of all that is done so, one slice runs in each turn of the
 * event loop, so that whoever else waits for the loop does for no longer than a slice takes, however much long work there is.
 * Whoever has work takes turns with the others; of one's own, what began first goes on first, so that little is half done, and
 * held in memory, at a time.
 */
export type Turns = {
  /**
   * Resolves when the next slice of theirs may run.
   * @param work stands for the work that the slice is of: always the same; without it, the slice is by itself
   */
  next(whose: string | number, work?: object): Promise<void>
}

/** Of one's work so many that began first take turns, so that what is short is done beside what is long. */
const togetherMax = 2

/** `began` and `served`: numbers that grow with each work, and each slice. */
type Work = { began: number; served: number }
type Slice = { work: Work; run(): void }

export function createTurns(): Turns {
  /** Each with what waits of theirs, in the order in which the work began; whoever is first is next. */
  const waiting = new Map<string | number, Slice[]>()
  const works = new WeakMap<object, Work>()
  let count = 0

  const workOf = (work: object | undefined): Work => {
    const known = work && works.get(work)
    if (known !== undefined) return known
    count += 1
    const begun = { began: count, served: 0 }
    if (work !== undefined) works.set(work, begun)
    return begun
  }
  const run = () => {
    const [first] = waiting
    if (first === undefined) return
    const [whose, slices] = first
    waiting.delete(whose)
    const slice = takeNext(slices)
    if (slices.length > 0) waiting.set(whose, slices)
    if (waiting.size > 0) setImmediate(run)
    count += 1
    slice.work.served = count
    slice.run()
  }
  return {
    next(whose, work) {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (waiting.size === 0) setImmediate(run)
      const slice = { work: workOf(work), run: resolve }
      const slices = waiting.get(whose)
      if (slices === undefined) waiting.set(whose, [slice])
      else slices.splice(slices.findLastIndex((one) => one.work.began <= slice.work.began) + 1, 0, slice)
      return promise
    },
  }
}

/** Of those that began first the one that was served longest ago. */
function takeNext(slices: Slice[]): Slice {
  let at = 0
  for (let i = 1; i < Math.min(slices.length, togetherMax); i++) {
    if ((slices[i]?.work.served ?? 0) < (slices[at]?.work.served ?? 0)) at = i
  }
  return slices.splice(at, 1)[0] as Slice
}

/** Those of this thread, which has one event loop. */
export const turns = createTurns()

/** Does work that yields between its slices, each in its turn; gives what comes of it. */
export async function inTurns<T>(
  whose: string | number,
  slices: Generator<void, T, void>,
  work: object = slices,
): Promise<T> {
  for (;;) {
    const { done, value } = slices.next()
    if (done) return value
    await turns.next(whose, work)
  }
}

/**
 * What many ask for in one moment is begun so much a turn of the event loop at most: what is beyond that waits for the next, in the
 * order in which it came.
 */
export function createSpread(turnMax: number): (begin: () => void) => void {
  const waiting: (() => void)[] = []
  let begun = 0
  const goOn = () => {
    const some = waiting.splice(0, turnMax)
    begun = some.length
    if (begun > 0) setImmediate(goOn)
    for (const begin of some) begin()
  }
  return (begin) => {
    if (begun === 0) setImmediate(goOn)
    begun += 1
    if (begun > turnMax) waiting.push(begin)
    else begin()
  }
}

/** Whose messages are taken: a socket, which is read no further while one of them waits. */
export type Sender = { pause(): void; resume(): void }

/**
 * What many say in one moment is taken so much a turn of the event loop, however many they are: what is beyond that waits for a turn
 * to come, and whoever sent it is not read meanwhile. Each takes turns with the others, and what one sent keeps its order.
 */
export type Intake = {
  /** Takes a message: now, or in a turn to come. */
  take(sender: Sender, sizeBytes: number, work: () => void): void
  /** Takes at once what waits of one who sends no more. */
  finish(sender: Sender): void
}

export type IntakeLimits = {
  /** Messages that are taken in one turn. */
  messagesMax: number
  /** No further message is taken in a turn that took so many bytes. */
  bytesMax: number
}

type Message = { sizeBytes: number; work(): void }

export function createIntake({ messagesMax, bytesMax }: IntakeLimits): Intake {
  /** In the order in which they have their turn. */
  const waiting = new Map<Sender, Message[]>()
  let messages = 0
  let bytes = 0
  const hasRoom = () => messages < messagesMax && bytes < bytesMax

  const run = ({ sizeBytes, work }: Message) => {
    if (messages === 0) setImmediate(goOn)
    messages += 1
    bytes += sizeBytes
    work()
  }
  const goOn = () => {
    messages = 0
    bytes = 0
    while (hasRoom()) {
      const [first] = waiting
      if (first === undefined) return
      const [sender, left] = first
      const message = left.shift()
      waiting.delete(sender)
      if (left.length > 0) waiting.set(sender, left)
      else sender.resume()
      if (message !== undefined) run(message)
    }
  }
  return {
    take(sender, sizeBytes, work) {
      const message = { sizeBytes, work }
      const before = waiting.get(sender)
      if (before !== undefined) before.push(message)
      else if (hasRoom()) run(message)
      else {
        waiting.set(sender, [message])
        sender.pause()
      }
    },
    finish(sender) {
      const left = waiting.get(sender) ?? []
      waiting.delete(sender)
      for (const { work } of left) work()
    },
  }
}
