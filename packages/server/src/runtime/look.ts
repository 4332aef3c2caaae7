import { remove } from 'confusables'

/**
 * What a text looks like to whoever reads it: two that look alike give the same, whatever letters, accents, capitals or gaps they
 * are made of. For comparing alone: it is no text to show.
 */
export function lookOf(text: string): string {
  const plain = strip(text.normalize('NFKD')).toUpperCase().toLowerCase()
  const latin = strip(remove(plain).normalize('NFKD')).toLowerCase()
  const look = latin.replace(/[i1|]/g, 'l').replaceAll('0', 'o')
  // Of nothing but signs, those.
  return look === '' ? text.trim() : look
}

/** Without accents, gaps, signs, and what is not seen at all. */
function strip(text: string): string {
  return text.replace(/[\p{M}\p{Cf}\p{Cc}\p{Z}\p{P}\p{Default_Ignorable_Code_Point}]/gu, '')
}
