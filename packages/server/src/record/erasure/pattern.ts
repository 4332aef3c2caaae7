/** A text as it stands in JSON, anywhere: for `like … escape '!'`. */
export function patternOf(text: string): string {
  return `%${inJson(text).replaceAll(/[!%_]/g, '!$&')}%`
}

/** A text as it stands in JSON. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** Whether it stands in the text by itself, with no letter or digit on either side. */
export function hasWord(text: string, word: string): boolean {
  const [within, sought] = [text.toLowerCase(), word.toLowerCase()]
  for (let at = within.indexOf(sought); at !== -1; at = within.indexOf(sought, at + 1)) {
    const beside = [within[at - 1], within[at + sought.length]]
    if (!beside.some((letter) => letter !== undefined && /[\p{L}\p{N}]/u.test(letter))) return true
  }
  return false
}
