import type { ImportReport } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'

/** Sessions that are asked for and taken at a time. */
const perPage = 100

/** A page of sessions, in the form of a file of the format `videosdk`. */
export type AccountPage = { bytes: Uint8Array; done: number; all: number }

/**
 * All sessions of an account at VideoSDK, or of a key at another Rollcall, that have ended, newest first: asked by VideoSDK's own
 * client, which tries again what fails for the moment.
 * @param url where the API is, such as https://api.videosdk.live
 */
export async function* fetchAccount(url: string, token: string | undefined): AsyncGenerator<AccountPage> {
  if (token === undefined) {
    throw new Refusal('BAD_REQUEST', `${url} takes a token of its own: say --token -, and give the token on stdin`)
  }
  const { VideoSDK, VideoSDKError } = await import('@videosdk.live/server-sdk')
  const { sessions } = new VideoSDK({ token, apiEndpoint: url })
  try {
    const first = await sessions.list({ status: 'ended', perPage })
    let page: object[] = []
    let done = 0
    const take = (): AccountPage => {
      const bytes = Buffer.from(JSON.stringify({ data: page }))
      done += page.length
      page = []
      return { bytes, done, all: first.total ?? done }
    }
    for await (const session of first) {
      // A list of another Rollcall leaves most people of a huge session out, and says so.
      page.push(session.participantsTruncated === true ? await sessions.get(session.id) : session)
      if (page.length === perPage) yield take()
    }
    if (page.length > 0) yield take()
  } catch (error) {
    if (!(error instanceof VideoSDKError)) throw error
    throw new Refusal(
      'BAD_REQUEST',
      `${url} does not list its sessions: ${error.message}. Import the same again: it goes on there`,
    )
  }
}

/** What two imports, one after the other, come to. */
export function addReports(a: ImportReport, b: ImportReport): ImportReport {
  return {
    type: 'report',
    sessions: a.sessions + b.sessions,
    stays: a.stays + b.stays,
    recorded: a.recorded + b.recorded,
    duplicate: a.duplicate + b.duplicate,
    untaken: a.untaken + b.untaken,
  }
}
