import type { Kysely } from 'kysely'

export async function createQuality(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  let quality = schema
    .createTable('quality')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', 'text', (c) => c.notNull())
    .addColumn('participant_id', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('last_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('quality_pk', ['key_id', 'session_id', 'participant_id', 'at'])
  for (const lost of ['recv_audio_lost', 'recv_video_lost', 'send_audio_lost', 'send_video_lost']) {
    quality = quality.addColumn(lost, 'bigint', (c) => c.notNull())
  }
  for (const averaged of [
    ...['audio_rtt', 'video_rtt', 'audio_jitter', 'video_jitter'],
    ...['send_audio_bitrate', 'send_video_bitrate', 'recv_audio_bitrate', 'recv_video_bitrate'],
    ...['audio_score', 'video_score'],
    ...['streams_180', 'streams_360', 'streams_720', 'streams_1080', 'streams_1440', 'streams_2160'],
  ]) {
    quality = quality
      .addColumn(averaged, 'double precision', (c) => c.notNull())
      .addColumn(`${averaged}_count`, 'bigint', (c) => c.notNull())
  }
  await quality.execute()
  await schema
    .createTable('quality_origins')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', 'text', (c) => c.notNull())
    .addColumn('participant_id', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('origin_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('quality_origins_pk', ['key_id', 'session_id', 'participant_id'])
    .execute()
}
