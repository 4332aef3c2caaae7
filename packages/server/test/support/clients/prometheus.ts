import assert from 'node:assert/strict'

export type Sample = { name: string; labels: { [name: string]: string }; value: number }
export type Family = { type: string; help: string; samples: Sample[] }

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/gy

/** Reads the Prometheus text format as strictly as it is written down, and fails where the text breaks a rule of it. */
export function parseMetrics(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line has an end')
  const families = new Map<string, Family>()
  let family: { name: string } & Family = { name: '', type: '', help: '', samples: [] }
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      assert.ok(!families.has(name), `${name} is one block`)
      family = { name, type: '', help: rest, samples: [] }
      families.set(name, family)
    } else if (keyword === 'TYPE') {
      assert.equal(name, family.name, 'a type follows the help of the same metric')
      assert.match(rest, /^(counter|gauge|histogram)$/)
      family.type = rest
    } else {
      const sample = readSample(line)
      assert.ok(belongsTo(sample.name, family), `${line} stands under its own metric`)
      family.samples.push(sample)
    }
  }
  for (const [name, { type, samples }] of families) {
    const series = samples.map((sample) => `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`)
    assert.equal(new Set(series).size, series.length, `each series of ${name} is there once`)
    if (type === 'histogram') for (const one of groupSeries(samples)) checkHistogram(name, one)
    if (type === 'counter') for (const { value } of samples) assert.ok(value >= 0, name)
  }
  return families
}

function readSample(line: string): Sample {
  const [, name = '', labelText = '', value = ''] = sampleLine.exec(line) ?? assert.fail(`no sample: ${line}`)
  const labels: Sample['labels'] = {}
  let read = 0
  for (const [all, label = '', text = ''] of labelText.matchAll(labelPattern)) {
    assert.ok(!Object.hasOwn(labels, label), `${line} names ${label} once`)
    labels[label] = text
    read += all.length
  }
  assert.equal(read, labelText.length, `the labels of ${line}`)
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value)
  assert.ok(!Number.isNaN(number) || /^nan$/i.test(value), `the value of ${line}`)
  return { name, labels, value: number }
}

function belongsTo(sample: string, { name, type }: { name: string; type: string }): boolean {
  if (type === 'histogram') return [`${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample)
  return sample === name
}

/** The samples of a histogram that differ in `le` alone. */
function groupSeries(samples: Sample[]): Sample[][] {
  return [...Map.groupBy(samples, ({ labels: { le, ...rest } }) => JSON.stringify(rest)).values()]
}

function checkHistogram(name: string, samples: Sample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`)
  const bounds = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)))
  const counts = buckets.map(({ value }) => value)
  assert.deepEqual(
    bounds,
    [...new Set(bounds)].sort((a, b) => a - b),
    `the buckets of ${name} grow`,
  )
  assert.deepEqual(
    counts,
    [...counts].sort((a, b) => a - b),
    `the counts of ${name} add up`,
  )
  assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY)
  assert.equal(counts.at(-1), samples.find((sample) => sample.name === `${name}_count`)?.value)
  assert.equal(samples.filter((sample) => sample.name === `${name}_sum`).length, 1)
}
