import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Refusal } from '../../error.ts'

/** 32 MiB and a third of a second each: as much work for whoever guesses as 128 MiB at once, in less memory of ours. */
const cost = { N: 2 ** 15, r: 8, p: 3 }
const maxmem = 64 * 1024 * 1024
const saltBytes = 16
const hashBytes = 32
/** Most passwords that wait to be hashed, or looked at: one is at a time, so that strangers who try many cost this and no more. */
const waitingMax = 16

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)

let last: Promise<unknown> = Promise.resolve()
let waiting = 0

/** What is kept of a password, with what it takes to look at another by it. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await inTurn(() => derive(password.normalize('NFKC'), salt, hashBytes, { ...cost, maxmem }))
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

/** Takes the same time where there is nothing to look at it by: nobody learns who is a user. */
export async function isPassword(password: string, kept: string | null | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', hash = ''] = (kept ?? nobodys).split('$')
  const costs = { N: Number(N), r: Number(r), p: Number(p), maxmem }
  const expected = Buffer.from(hash, 'base64url')
  const given = await inTurn(() => derive(password.normalize('NFKC'), Buffer.from(salt, 'base64url'), hashBytes, costs))
  return timingSafeEqual(given, expected) && kept !== null && kept !== undefined
}

/** For whoever gets one that nobody chose. */
export function newPassword(): string {
  return randomBytes(15).toString('base64url')
}

const nobodys = [
  'scrypt',
  cost.N,
  cost.r,
  cost.p,
  'AAAAAAAAAAAAAAAAAAAAAA',
  Buffer.alloc(hashBytes).toString('base64url'),
].join('$')

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (waiting >= waitingMax) throw new Refusal('BUSY', 'Too many people sign in at once: try again in a moment')
  waiting += 1
  const turn = last.then(work)
  last = turn.catch(() => undefined)
  return turn.finally(() => {
    waiting -= 1
  })
}
