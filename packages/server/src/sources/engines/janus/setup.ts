import type { SourceSettings } from '@rollcall/protocol'

/** The subprotocol of wsevh's WebSocket. */
export const janusSubprotocol = 'janus-event-handlers'

/** The user of basic authentication, where the source has no other. */
export const defaultUser = 'rollcall'

/** The lines to paste into Janus's configuration: see `Engine.describeSetup`. */
export function describeSetup(
  url: string,
  { user = defaultUser }: SourceSettings['janus'],
  secret: string | undefined,
  name: string,
): string {
  const password = secret ?? 'the password it was given'
  const socketUrl = `${url.replace(/^http/, 'ws')}?password=${secret ?? '<the password it was given>'}`
  return `# janus.jcfg: set these lines inside the blocks "general" and "events" that it has. (Of two blocks of one name
# Janus takes neither, nor anything else of the file.) Each Janus needs a server_name of its own.
#   general: {  server_name = "${name.replaceAll(/["\\\n]/g, '')}"  }
#   events: {   broadcast = true
#               stats_period = 15  }
# "webrtc" and "media" below, every 15 seconds, are the evidence of who is inside when Janus crashes.

# janus.eventhandler.wsevh.jcfg, all of it: over a WebSocket, where Rollcall may be away for a while
general: {
  enabled = true
  events = "sessions,handles,plugins,core,webrtc,media"
  backend = "${socketUrl}"
  subprotocol = "${janusSubprotocol}"
}

# or janus.eventhandler.sampleevh.jcfg, all of it: over HTTP
general: {
  enabled = true
  events = "sessions,handles,plugins,core,webrtc,media"
  backend = "${url}"
  backend_user = "${user}"
  backend_pwd = "${password}"
  max_retransmissions = 10
}`
}
