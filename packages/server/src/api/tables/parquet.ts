import { Readable } from 'node:stream'

/** What a column holds. A time is in epoch milliseconds, and to whoever reads the file it is a moment. Null is nothing. */
export type ParquetColumn<Row> = {
  name: string
  is: 'text' | 'count' | 'number' | 'flag' | 'time'
  of: (row: Row) => string | number | boolean | null
}

/** Rows that are written together: a column of so many is compressed, and read, at once. */
const groupRows = 4000

const types = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  count: { type: 'INT32' },
  number: { type: 'DOUBLE' },
  flag: { type: 'BOOLEAN' },
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
} as const

/** A table as a Parquet file, as its bytes come: what it takes of memory does not depend on how many rows there are. */
export function writeParquet<Row>(columns: ParquetColumn<Row>[], pages: AsyncIterable<Row[]>): Readable {
  return Readable.from(chunksOf(columns, pages), { objectMode: false })
}

async function* chunksOf<Row>(columns: ParquetColumn<Row>[], pages: AsyncIterable<Row[]>): AsyncGenerator<Uint8Array> {
  // Whoever asks for no such file does not wait for it at a start.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const bytes = new ByteWriter()
  const fields = columns.map(({ name, is }) => ({ name, repetition_type: 'OPTIONAL', ...types[is] }) as const)
  const schema = [{ name: 'root', num_children: columns.length }, ...fields]
  const file = new ParquetWriter({ writer: bytes, schema, createdBy: 'rollcall' })
  const write = (rows: Row[]) => {
    const columnData = columns.map(({ name, of }) => ({ name, data: rows.map(of), offsetIndex: false }))
    void file.write({ columnData, rowGroupSize: rows.length })
    return take()
  }
  /** What was written is given away; where it stands in the file goes on to be counted. */
  const take = (): Uint8Array => {
    const taken = bytes.getBytes().slice()
    bytes.index = 0
    return taken
  }
  let rows: Row[] = []
  for await (const page of pages) {
    rows.push(...page)
    while (rows.length >= groupRows) {
      yield write(rows.slice(0, groupRows))
      rows = rows.slice(groupRows)
    }
  }
  if (rows.length > 0) yield write(rows)
  await file.finish()
  yield take()
}
