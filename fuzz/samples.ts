const at = 1_771_351_800
const room = { room_jid: 'stand-up@conference.example.org', room_name: 'stand-up', is_breakout: false }
const occupant = { occupant_jid: 'anna@example.org/x', id: 'anna', name: 'Anna', joined_at: at }
const janus = (event: object) => ({
  emitter: 'fuzz',
  type: 64,
  timestamp: at * 1_000_000,
  session_id: 5640645262449808,
  handle_id: 4920202902075845,
  opaque_id: 'anna',
  event: { plugin: 'janus.plugin.videoroom', data: event },
})
const ofBigbluebutton = (id: string) => ({
  data: {
    type: 'event',
    id,
    attributes: {
      meeting: { 'internal-meeting-id': 'm-1', 'external-meeting-id': 'stand-up' },
      user: { 'internal-user-id': 'w_1', 'external-user-id': 'anna', name: 'Anna' },
    },
    event: { ts: at * 1000 },
  },
})

/** What media servers send, by their type: what is made wrong before it is sent. */
export const samples = {
  generic: [
    {
      events: [
        { id: '1', type: 'participant-joined', at: at * 1000, roomId: 'stand-up', participantId: 'anna' },
        { id: '2', type: 'participant-left', at: at * 1000 + 9, roomId: 'stand-up', participantId: 'anna' },
        { id: '3', type: 'snapshot', at: at * 1000 + 10, roomId: 'stand-up', participants: [{ participantId: 'ben' }] },
      ],
    },
  ],
  jitsi: [
    { event_name: 'muc-room-created', ...room, created_at: at },
    { event_name: 'muc-occupant-joined', ...room, occupant },
    { event_name: 'muc-occupant-left', ...room, occupant: { ...occupant, left_at: at + 60 } },
    {
      event_name: 'muc-room-destroyed',
      ...room,
      created_at: at,
      destroyed_at: at + 90,
      all_occupants: [{ ...occupant, left_at: at + 80 }],
    },
  ],
  janus: [
    [
      janus({ event: 'joined', room: 1234, id: 17, private_id: 1065877280, display: 'Anna' }),
      janus({ event: 'leaving', room: 1234, id: 17 }),
    ],
    [{ ...janus({}), type: 1, event: { name: 'created', transport: { transport: 'janus.transport.http', id: '1' } } }],
    [{ ...janus({}), type: 256, event: { status: 'started', info: { server: {} } } }],
    [janus({ event: 'kicked', room: 'daily', id: 'ben' }), janus({ event: 'destroyed', room: 'daily' })],
  ],
  livekit: [{ event: 'room_started', id: 'EV_1', createdAt: String(at), room: { sid: 'RM_1', name: 'stand-up' } }],
  bigbluebutton: [[ofBigbluebutton('user-joined'), ofBigbluebutton('user-left')], [ofBigbluebutton('meeting-ended')]],
  videosdk: [
    { webhookType: 'participant-joined', data: { meetingId: 'stand-up', sessionId: 's-1', participantId: 'anna' } },
  ],
} as const satisfies { [type: string]: unknown[] }
