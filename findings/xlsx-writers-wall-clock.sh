#!/usr/bin/env bash
# A cell of a workbook has a wall clock and no zone. Given the same moment as a `Date`, four kept writers of npm put two different
# wall clocks there: exceljs 4.4.0 and write-excel-file 4.1.1 that of UTC, xlsx 0.18.5 and xlsx-populate 1.21.0 that of the process.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module", "private": true, "dependencies": {
  "exceljs": "4.4.0", "write-excel-file": "4.1.1", "xlsx": "0.18.5", "xlsx-populate": "1.21.0", "fflate": "0.8.2" } }' > package.json
npm install --silent --no-audit --no-fund
cat > call.mjs <<'JS'
import ExcelJS from 'exceljs'
import { strFromU8, unzipSync } from 'fflate'
import writeExcelFile from 'write-excel-file/node'
import XLSX from 'xlsx'
import populate from 'xlsx-populate'

const joined = new Date('2026-07-01T10:00:00Z')

/** The wall clock in the first cell, which is a count of days since the end of 1899. */
function wallClock(workbook) {
  const files = unzipSync(new Uint8Array(workbook))
  const sheet = strFromU8(files[Object.keys(files).find((name) => name.endsWith('worksheets/sheet1.xml'))])
  const [, days] = /<c r="A1"[^>]*>.*?<v>([^<]*)<\/v>/.exec(sheet)
  return new Date(Math.round((days - 25_569) * 86_400_000)).toISOString().slice(0, 16)
}

const excel = new ExcelJS.Workbook()
excel.addWorksheet('sheet').getCell('A1').value = joined
const plain = XLSX.utils.book_new()
XLSX.utils.book_append_sheet(plain, XLSX.utils.aoa_to_sheet([[joined]]), 'sheet')
const populated = await populate.fromBlankAsync()
populated.sheet(0).cell('A1').value(joined)
const written = await writeExcelFile([[{ value: joined, type: Date, format: 'yyyy-mm-dd hh:mm' }]]).toBuffer()
const workbooks = {
  exceljs: await excel.xlsx.writeBuffer(),
  'write-excel-file': written,
  xlsx: XLSX.write(plain, { type: 'buffer', bookType: 'xlsx' }),
  'xlsx-populate': await populated.outputAsync(),
}
for (const [name, workbook] of Object.entries(workbooks)) console.log(`${process.env.TZ} ${name}: ${wallClock(workbook)}`)
JS
seen=$(for zone in UTC Europe/Berlin; do TZ=$zone node call.mjs; done)
echo "exceljs 4.4.0, write-excel-file 4.1.1, xlsx 0.18.5, xlsx-populate 1.21.0, of 2026-07-01T10:00Z:"
echo "$seen"
expected='UTC exceljs: 2026-07-01T10:00
UTC write-excel-file: 2026-07-01T10:00
UTC xlsx: 2026-07-01T10:00
UTC xlsx-populate: 2026-07-01T10:00
Europe/Berlin exceljs: 2026-07-01T10:00
Europe/Berlin write-excel-file: 2026-07-01T10:00
Europe/Berlin xlsx: 2026-07-01T12:00
Europe/Berlin xlsx-populate: 2026-07-01T12:00'
[ "$seen" = "$expected" ] || { echo "This has changed: it was"; echo "$expected"; exit 1; }
