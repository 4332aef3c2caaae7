import { Select, Stack, Text, Title } from '@mantine/core'
import type { Session } from '@rollcall/client'
import type { QualityPoint } from '@rollcall/protocol'
import { useMemo, useState } from 'react'
import { Chart, type Series } from '../chart.tsx'
import { calmMs, useLive } from '../live.ts'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'

type Measure = { name: string; unit: string; factor?: number; audio: keyof QualityPoint; video: keyof QualityPoint }

const measures: Measure[] = [
  { name: 'Round trip', unit: ' ms', audio: 'averageAudioRtt', video: 'averageVideoRtt' },
  { name: 'Jitter', unit: ' ms', audio: 'averageAudioJitter', video: 'averageVideoJitter' },
  { name: 'Lost packets, received', unit: '', audio: 'recvAudioPacketLost', video: 'recvVideoPacketLost' },
  {
    name: 'Received',
    unit: ' kbit/s',
    factor: 1000,
    audio: 'averageRecvAudioBitrate',
    video: 'averageRecvVideoBitrate',
  },
  { name: 'Sent', unit: ' kbit/s', factor: 1000, audio: 'averageSendAudioBitrate', video: 'averageSendVideoBitrate' },
]

/** How the media went, of everybody together or of one person. */
export function Quality({ session }: { session: Session }) {
  const { rollcall } = useSignedIn()
  const [personId, setPersonId] = useState<string | null>(null)
  const everyMs = session.end === null ? 10_000 : calmMs
  const { data, error, refetch } = useLive(
    ['quality', session.id, personId],
    async () =>
      personId === null ? rollcall.sessions.quality(session.id) : rollcall.sessions.qualityOf(session.id, personId),
    everyMs,
  )
  const people = session.participants.map(({ participantId, name }) => ({
    value: participantId,
    label: name || participantId,
  }))
  if (error !== null && data === undefined) return <Failure error={error} retry={refetch} />
  if (data === undefined) return <Loading rows={3} />
  return (
    <Stack>
      <Select
        label="Whose"
        maw={320}
        data={people}
        value={personId}
        onChange={setPersonId}
        placeholder="Everybody together"
        clearable
        searchable
        limit={50}
      />
      {data.stats.length === 0 ? (
        <Empty title="Nobody measured it">
          Hosted rooms measure by themselves; your own media server reports it as events of the type quality.
        </Empty>
      ) : (
        measures.map((measure) => <MeasureChart key={measure.name} measure={measure} points={data.stats} />)
      )}
    </Stack>
  )
}

function MeasureChart({ measure, points }: { measure: Measure; points: QualityPoint[] }) {
  const { name, unit, factor = 1, audio, video } = measure
  const times = useMemo(() => points.map(({ time }) => Date.parse(time)), [points])
  const series = useMemo((): Series[] => {
    const valuesOf = (field: keyof QualityPoint) => points.map((point) => Number(point[field]) / factor)
    return [
      { label: 'Video', values: valuesOf(video), color: 'bar', kind: 'line' },
      { label: 'Audio', values: valuesOf(audio), color: 'bar-inferred', kind: 'line' },
    ]
  }, [points, audio, video, factor])
  const mean = ({ values }: Series) =>
    Math.round(values.reduce<number>((sum, one) => sum + (one ?? 0), 0) / values.length)
  const said = series.map((one) => `${one.label.toLowerCase()} ${mean(one)}${unit}`).join(', ')
  return (
    <section className="card" style={{ padding: 16 }}>
      <Title order={3} size="h5">
        {name}
      </Title>
      <Text c="dimmed" size="sm" mb="xs">
        On average: {said}
      </Text>
      <Chart
        times={times}
        series={series}
        height={140}
        gutter={76}
        unit={unit}
        summary={`${name}, on average: ${said}`}
      />
    </section>
  )
}
