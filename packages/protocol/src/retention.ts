import { Type } from 'typebox'

/** The longest that can be asked for, in days: a hundred years. */
export const retentionDaysMax = 36_500

/** What a change to how long sessions are kept takes, of the key or of a room. */
export const RetentionChange = Type.Object(
  {
    retentionDays: Type.Union([Type.Integer({ minimum: 1, maximum: retentionDaysMax }), Type.Null()], {
      description: `a whole number of days from 1 to ${retentionDaysMax}, or null`,
      about:
        'So many days after its end a session is erased; null: as it is said above it, by the key of a room and by the server of a key.',
    }),
  },
  { additionalProperties: false },
)
export type RetentionChange = Type.Static<typeof RetentionChange>

const Days = (description: string) => Type.Union([Type.Integer(), Type.Null()], { description })

export const Retention = Type.Object(
  {
    retentionDays: Days('For how many days the owner has sessions kept; null: as the server does.'),
    serverRetentionDays: Days('For how many days this server keeps sessions at most; null: for ever.'),
    keptDays: Days(
      'What holds of these for rooms that say nothing else: the lesser; null: sessions are kept for ever.',
    ),
  },
  { $id: 'Retention', description: 'How long after their end the sessions of a key are kept.' },
)
export type Retention = Type.Static<typeof Retention>
