import pg from 'pg'

/** Makes the tables of the peer, where they are not there, from those of Rollcall in the same database: the same sessions, people and stays. */
export async function fillPeer(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const { rows } = await client.query("select to_regclass('peer.stays') is not null as filled")
  // All of it is one transaction.
  if (!rows[0]?.filled)
    await client.query(`
    create schema peer;
    create table peer.sessions as
      select s.id, s.room_id, r.custom_room_id, to_timestamp(s.start_at / 1000.0) as start, to_timestamp(s.end_at / 1000.0) as "end"
      from sessions as s join rooms as r on r.key_id = s.key_id and r.room_id = s.room_id;
    create table peer.participants as
      select row_number() over () as id, session_id, participant_id, name from participants;
    create table peer.stays as
      select row_number() over () as id, p.id as participant_row_id, to_timestamp(j.at / 1000.0) as start, to_timestamp(l.at / 1000.0) as "end"
      from marks as j
      join marks as l on l.key_id = j.key_id and l.session_id = j.session_id and l.participant_id = j.participant_id
        and l.connection_id = j.connection_id and l.kind = 'left'
      join peer.participants as p on p.session_id = j.session_id and p.participant_id = j.participant_id
      where j.kind = 'joined';
    alter table peer.sessions add primary key (id);
    alter table peer.participants add primary key (id);
    alter table peer.stays add primary key (id);
    create index on peer.sessions (start desc, id desc);
    create index on peer.sessions (room_id, start desc, id desc);
    create index on peer.participants (session_id);
    create index on peer.stays (participant_row_id);
    analyze`)
  await client.end()
}
