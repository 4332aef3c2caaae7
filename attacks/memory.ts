import { readFileSync } from 'node:fs'

const pageBytes = 4096

/** The resident memory of a process, looked at again and again. */
export function watchMemory(pid: number): { latest(): number; stop(): number } {
  let latest = 0
  let most = 0
  const look = () => {
    latest = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
    most = Math.max(most, latest)
  }
  look()
  const timer = setInterval(look, 20)
  return {
    latest: () => latest,
    stop() {
      clearInterval(timer)
      return most
    },
  }
}
