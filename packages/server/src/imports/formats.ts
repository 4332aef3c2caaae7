import type { Formats } from './format.ts'
import { bigbluebuttonDashboard } from './formats/bigbluebutton-dashboard.ts'
import { bigbluebuttonEvents } from './formats/bigbluebutton-events.ts'
import { csv } from './formats/csv.ts'
import { daily } from './formats/daily.ts'
import { hundredMs } from './formats/hundred-ms.ts'
import { livekitCloud } from './formats/livekit-cloud.ts'
import { meet } from './formats/meet.ts'
import { teams } from './formats/teams.ts'
import { twilio } from './formats/twilio.ts'
import { videosdk } from './formats/videosdk.ts'
import { zoom } from './formats/zoom.ts'

/** What files there are, by the name that whoever imports one gives. */
export const formats: Formats = {
  csv,
  zoom,
  teams,
  meet,
  'bigbluebutton-events': bigbluebuttonEvents,
  'bigbluebutton-dashboard': bigbluebuttonDashboard,
  daily,
  '100ms': hundredMs,
  twilio,
  'livekit-cloud': livekitCloud,
  videosdk,
}
