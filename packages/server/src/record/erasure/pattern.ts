/** A text as it stands in JSON, anywhere: for `like … escape '!'`. */
export function patternOf(text: string): string {
  const inJson = JSON.stringify(text).slice(1, -1)
  return `%${inJson.replaceAll(/[!%_]/g, '!$&')}%`
}
