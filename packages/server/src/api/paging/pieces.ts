import { createHash, type Hash, hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { turns } from '../../runtime/turns.ts'
import { peopleSliceMax } from '../../store/sessions/people.ts'

/** Letters that are made in one turn of the loop, and sent as one piece. */
const pieceLetters = 128 * 1024
/** More pieces than these are sent one by one: a small answer is one. */
const wholePiecesMax = 4

/** JSON that was made, in the pieces that it was made in. */
export type Made = { pieces: Buffer[]; etag(): string }

/** One of a list, as JSON; `people`: so many were folded from their marks for it; `read`: so many letters were, beside its own. */
export type Row = { text: string; people?: number; read?: number }

/**
 * The JSON of an object whose last field is a list, which may be large: some of it is made in a turn of the loop, so that it holds
 * nobody up, and it is never one text.
 * @param about the fields before the list
 * @param list by its name
 * @param toRow makes each when it is its turn
 */
export async function writeList<Item>(
  keyId: number,
  about: object,
  list: { [name: string]: Item[] },
  toRow: (item: Item) => Row,
): Promise<Made> {
  const [[name, items] = ['data', []]] = Object.entries(list)
  const pieces: Buffer[] = []
  let texts = [JSON.stringify({ ...about, [name]: [] }).slice(0, -2)]
  let letters = 0
  /** Since others had their turn. */
  let [folded, worked] = [0, 0]
  /** Of all pieces, where they are several. */
  let digest: Hash | undefined
  const cut = () => {
    const piece = Buffer.from(texts.join(''))
    pieces.push(piece)
    texts = []
    letters = 0
    return piece
  }

  for (const [i, item] of items.entries()) {
    const { text, people = 0, read = 0 } = toRow(item)
    texts.push(i === 0 ? text : `,${text}`)
    letters += text.length
    folded += people
    worked += text.length + read
    if (worked < pieceLetters && folded <= peopleSliceMax) continue
    folded = 0
    worked = 0
    if (letters >= pieceLetters) {
      digest ??= createHash('sha256')
      digest.update(cut())
    }
    await turns.next(keyId, pieces)
  }
  texts.push(']}')
  const last = cut()
  digest?.update(last)
  const toEtag = () => digest?.copy().digest('base64url') ?? hash('sha256', last, 'base64url')
  return { pieces, etag: () => `"${toEtag().slice(0, 27)}"` }
}

export const jsonType = 'application/json; charset=utf-8'

/** Sends JSON that was made already. */
export function sendPieces(reply: FastifyReply, pieces: Buffer[]): FastifyReply {
  reply.type(jsonType)
  if (pieces.length === 1) return reply.send(pieces[0])
  if (pieces.length <= wholePiecesMax) return reply.send(Buffer.concat(pieces))
  reply.header('content-length', sizeOf(pieces))
  return reply.send(Readable.from(pieces))
}

export function sizeOf(pieces: Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
