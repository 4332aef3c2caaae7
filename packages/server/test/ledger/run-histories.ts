import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { properties, shareOut } from './histories.ts'
import { createWorld } from './world.ts'

// `npm run histories -- --histories 100000 --seed 7`: the same seed makes the same histories.

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '13000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
})
const seed = whole('seed', values.seed)
const world = await createWorld()
for (const [name, histories] of shareOut(whole('histories', values.histories))) {
  process.stdout.write(`${properties[name].title}: ${histories} histories, seed ${seed}\n`)
  await properties[name].check(world, { histories, seed })
}
await world.close()
process.stdout.write('the ledger agrees with the reference model\n')

function whole(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${name}=${text} is not understood: it takes a whole number from 1 on`)
}
