/** What the server uses of the class of this name, for the oldest Node of `engines`, which lacks it: what is built has it everywhere. */
export default class AsyncDisposableStack implements AsyncDisposable {
  #deferred: (() => unknown)[] = []

  defer(onDispose: () => unknown): void {
    this.#deferred.push(onDispose)
  }

  /** All that was deferred is the new one's to do. */
  move(): AsyncDisposableStack {
    const moved = new AsyncDisposableStack()
    moved.#deferred = this.#deferred
    this.#deferred = []
    return moved
  }

  disposeAsync(): Promise<void> {
    return this[Symbol.asyncDispose]()
  }

  /** The last that was deferred comes first, and all of it, whatever fails: then it throws the last error, with those before in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    let failure: { error: unknown } | undefined
    for (const onDispose of this.#deferred.splice(0).reverse()) {
      try {
        await onDispose()
      } catch (error) {
        failure = { error: failure === undefined ? error : suppress(error, failure.error) }
      }
    }
    if (failure !== undefined) throw failure.error
  }
}

function suppress(error: unknown, suppressed: unknown): Error {
  const both = new Error('An error was suppressed during disposal.')
  return Object.assign(both, { name: 'SuppressedError', error, suppressed })
}
