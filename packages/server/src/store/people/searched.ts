import { toSearched } from '@rollcall/protocol'

/** Characters of a gram. */
const gramLength = 3
/** Characters of one name or id that it is found by: nearly always all. */
const textMaxLength = 256
/** Grams of a part that are looked up, by their places in eighths of it: its end, its middle and its beginning tell most. */
const eighths = [8, 4, 0, 6, 2, 7, 5, 3, 1]

/** A name or id as it is kept to be found by. */
export function toFoundBy(text: string): string {
  if (text.length <= textMaxLength) return toSearched(text)
  return toSearched([...text.slice(0, 2 * textMaxLength)].slice(0, textMaxLength).join(''))
}

/** Each place in a text is the beginning of a gram: of three characters, or of fewer at its end. @param texts as they are searched, a line each */
export function gramsOf(texts: string): Set<string> {
  const grams = new Set<string>()
  for (const text of texts.split('\n')) {
    for (let at = 0; at < text.length; at = after(text, at)) {
      let end = at
      for (let characters = 0; characters < gramLength; characters++) end = after(text, end)
      grams.add(text.slice(at, end))
    }
  }
  return grams
}

/** Where the next character begins: some are two units of a text. */
function after(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1)
}

export function without(grams: Set<string>, others: Set<string>): Set<string> {
  return new Set([...grams].filter((gram) => !others.has(gram)))
}

/** Grams that whatever has a part has, in an order in which the first tell most; none where it is shorter than one. @param part as it is searched */
export function gramsOfPart(part: string): string[] {
  const characters = [...part]
  const last = characters.length - gramLength
  if (last < 0) return []
  const places = eighths.map((eighth) => Math.round((eighth * last) / 8))
  return [...new Set(places.map((at) => characters.slice(at, at + gramLength).join('')))]
}

/** The same part as a pattern of `like`, whose escape is a backslash. */
export function toPattern(part: string): string {
  return `%${part.replace(/[\\%_]/g, '\\$&')}%`
}
