import { serverUrl } from './base.ts'

/** Saves what the page has, as a download. What a file system would not take in the name is left out. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')
  link.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** The same of what the server answers: what went wrong is told in the page. */
export async function saveAnswer(path: string, name: string): Promise<void> {
  const answer = await fetch(serverUrl + path)
  if (!answer.ok) throw new Error(`The download was answered ${answer.status}`)
  saveFile(await answer.blob(), name)
}
