import { noun, type Over, query } from './noun.ts'

/** PKCS#1 PEM, both halves; the private one is encrypted in the database. */
export type SigningKey = { publicPem: string; privatePem: string }

const onlyId = 1

const findOnly = query<object, SigningKey>((k) =>
  k
    .selectFrom('signing_keys')
    .select(['public_pem as publicPem', 'private_pem as privatePem'])
    .where('id', '=', onlyId),
)
const insert = query<SigningKey & { at: number }>((k, p) =>
  k
    .insertInto('signing_keys')
    .values({ id: onlyId, public_pem: p.publicPem, private_pem: p.privatePem, created_at: p.at })
    .onConflict((on) => on.doNothing()),
)

/** The server's own RSA key, of no API key. Undefined before the first was made. */
async function find({ db, box }: Over): Promise<SigningKey | undefined> {
  const [row] = await db.all(findOnly(db), {})
  return row && { ...row, privatePem: box.open(row.privatePem) }
}

export const signingKeys = noun({
  reads: { find },
  writes: {
    /** The key that is kept: this one, or the one that was there before. */
    async keep(over: Over, { publicPem, privatePem }: SigningKey): Promise<SigningKey> {
      const { db, box, now } = over
      await db.run(insert(db), { publicPem, privatePem: box.seal(privatePem), at: now() })
      const kept = await find(over)
      if (kept === undefined) throw new Error('a signing key was kept and cannot be found')
      return kept
    },
  },
})
