import { Type } from 'typebox'

/** The files that can be imported, by the name that whoever imports one gives. */
export const importFormats = [
  'csv',
  'zoom',
  'teams',
  'meet',
  'bigbluebutton-events',
  'bigbluebutton-dashboard',
  'daily',
  '100ms',
  'twilio',
  'livekit-cloud',
  'videosdk',
] as const
export type ImportFormat = (typeof importFormats)[number]

/** The `source` of imported facts begins so: they are of no source that reports. */
export const importSourcePrefix = 'import/'

/** What `POST /v2/imports` tells, a line each: what was not taken, how far it is, and at the end what became of it all. */
export const ImportStep = Type.Union(
  [
    Type.Object({
      type: Type.Literal('untaken'),
      where: Type.String({ description: 'Its place in the file, such as line 17.' }),
      reason: Type.String({ description: 'Why it was not taken.' }),
    }),
    Type.Object({
      type: Type.Literal('progress'),
      done: Type.Integer({ description: 'Facts that are on the disk.' }),
      all: Type.Integer({ description: 'Facts in the file.' }),
    }),
    Type.Object({
      type: Type.Literal('report'),
      sessions: Type.Integer({ description: 'Sessions in the file.' }),
      stays: Type.Integer({ description: 'Stays in the file that were taken, now or before.' }),
      recorded: Type.Integer({ description: 'Facts that were new.' }),
      duplicate: Type.Integer({ description: 'Facts that an import before had brought.' }),
      untaken: Type.Integer({ description: 'Places in the file that were not taken, each told before.' }),
    }),
    Type.Object({
      type: Type.Literal('failed'),
      reason: Type.String({ description: 'Why it went no further. Sent again, it goes on where it stopped.' }),
    }),
  ],
  { $id: 'ImportStep', description: 'How far an import is, or what became of it.' },
)
export type ImportStep = Type.Static<typeof ImportStep>
export type ImportReport = Extract<ImportStep, { type: 'report' }>
