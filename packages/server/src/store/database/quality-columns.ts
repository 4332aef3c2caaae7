import type { AverageName, LossName, QualityScore, VideoHeight } from '@rollcall/protocol'

// Which column of `quality` holds what of a sample. What is averaged is kept as a sum, beside the number of what it sums.

export const lossColumns = {
  recvAudioPacketLost: 'recv_audio_lost',
  recvVideoPacketLost: 'recv_video_lost',
  sendAudioPacketLost: 'send_audio_lost',
  sendVideoPacketLost: 'send_video_lost',
} as const satisfies { [name in LossName]: string }

export const averageColumns = {
  averageAudioRtt: 'audio_rtt',
  averageVideoRtt: 'video_rtt',
  averageAudioJitter: 'audio_jitter',
  averageVideoJitter: 'video_jitter',
  averageSendAudioBitrate: 'send_audio_bitrate',
  averageSendVideoBitrate: 'send_video_bitrate',
  averageRecvAudioBitrate: 'recv_audio_bitrate',
  averageRecvVideoBitrate: 'recv_video_bitrate',
} as const satisfies { [name in AverageName]: string }

export const scoreColumns = {
  audio: 'audio_score',
  video: 'video_score',
} as const satisfies { [name in keyof Required<QualityScore>]: string }

export const streamColumns = {
  180: 'streams_180',
  360: 'streams_360',
  720: 'streams_720',
  1080: 'streams_1080',
  1440: 'streams_1440',
  2160: 'streams_2160',
} as const satisfies { [height in VideoHeight]: string }

export const averagedColumns = { ...averageColumns, ...scoreColumns, ...streamColumns }

export type In<T> = T[keyof T]
export type QualityColumn = In<typeof lossColumns> | In<typeof averagedColumns> | `${In<typeof averagedColumns>}_count`
export type Sums = { [column in QualityColumn]: number }

export const sumColumns: QualityColumn[] = [
  ...Object.values(lossColumns),
  ...Object.values(averagedColumns).flatMap((column) => [column, `${column}_count`] as const),
]
