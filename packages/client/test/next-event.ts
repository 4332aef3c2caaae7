import type { LiveRoom, LiveRoomEvents } from '@rollcall/client'

/** The next event of this name; where there is a test, the next that passes it. */
export function nextEvent<Name extends keyof LiveRoomEvents>(
  room: LiveRoom,
  name: Name,
  test: (event: LiveRoomEvents[Name]) => boolean = () => true,
): Promise<LiveRoomEvents[Name]> {
  const { promise, resolve } = Promise.withResolvers<LiveRoomEvents[Name]>()
  const stop = room.on(name, (event) => {
    if (!test(event)) return
    stop()
    resolve(event)
  })
  return promise
}
