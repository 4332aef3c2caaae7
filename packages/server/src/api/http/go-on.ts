import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** `listener` for all requests, and the one for those with `Expect: 100-continue`. */
export type Listeners = { listener: RequestListener; goOn: RequestListener }

/**
 * Tells whoever asks (`Expect: 100-continue`) to go on and send its body, once its turn on the connection has come. Node tells
 * at once, and where an answer before it is still on its way puts the 100 between the head and the body of this one.
 */
export function inOrder(answer: RequestListener): Listeners {
  const last = new WeakMap<Socket, ServerResponse>()
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    last.set(request.socket, response)
    answer(request, response)
  }
  return {
    listener,
    goOn(request, response) {
      const before = last.get(request.socket)
      const tell = () => {
        response.writeContinue()
        answer(request, response)
      }
      last.set(request.socket, response)
      if (before === undefined || before.closed) tell()
      else before.once('close', tell)
    },
  }
}
