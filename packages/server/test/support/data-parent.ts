import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const inMemory = '/dev/shm'
const tmpfs = 0x01021994
const enoughBytes = 2 ** 30

/**
 * Where data folders of tests are made: in memory, where there is room for them. To wait for a disk at each transaction is a part
 * of what a test of a server costs, and none asks what a machine keeps that loses its power. A `TMPDIR` that is set comes first.
 */
export const dataParent = process.env.TMPDIR === undefined && isRoomy(inMemory) ? inMemory : tmpdir()

function isRoomy(folder: string): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(folder)
    return type === tmpfs && bavail * bsize >= enoughBytes
  } catch {
    // Other systems have none.
    return false
  }
}
