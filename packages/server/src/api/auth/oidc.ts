import type { Configuration } from 'openid-client'
import type { OidcProvider } from '../../config.ts'
import { Refusal } from '../../error.ts'

/** What the browser keeps while its user is at the provider. */
export type Begun = { verifier: string; state: string; nonce: string }

/** Who the provider says it is. */
export type Told = {
  /** Theirs, of this provider, for good. */
  subject: string
  /** What they are called here: their address of mail where the provider has verified it, else undefined. */
  email: string | undefined
  name: string | undefined
  /** What the claim for it says. */
  roles: unknown
}

/** Sign-ins by an OpenID Connect provider: the code flow, with PKCE, a state and a nonce. */
export type Oidc = {
  /** Where to send the browser, and what it has to bring back. */
  begin(redirectUri: string): Promise<{ url: string; begun: Begun }>
  /** @param url with what the provider answered. Throws a `Refusal` that says what was wrong */
  finish(url: URL, begun: Begun): Promise<Told>
  /** Where to send the browser to sign out there too; undefined where the provider has no such address. */
  endUrl(returnTo: string): Promise<string | undefined>
}

type Provider = { oidc: typeof import('openid-client'); config: Configuration }

/** Sign-ins that wait for the provider at once: whoever comes need not have been there. */
const askedMax = 20

export function createOidc({ issuer, clientId, clientSecret, roleClaim }: OidcProvider): Oidc {
  let asked = 0
  let found: Promise<Provider> | undefined
  // It may be away when the server starts: it is looked for when somebody comes, and its client loaded then.
  const discover = () => {
    found ??= import('openid-client').then(async (oidc) => {
      const config = await oidc.discovery(new URL(issuer), clientId, clientSecret, undefined, {
        // The operator wrote http: a provider on this machine, or behind the same proxy.
        execute: issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [],
      })
      return { oidc, config }
    })
    return found.catch((cause) => {
      found = undefined
      throw refuse('is not reached, or answers something else', cause)
    })
  }

  return {
    async begin(redirectUri) {
      const { oidc, config } = await discover()
      const begun = {
        verifier: oidc.randomPKCECodeVerifier(),
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
      }
      const url = oidc.buildAuthorizationUrl(config, {
        ...{ redirect_uri: redirectUri, scope: 'openid email profile', state: begun.state, nonce: begun.nonce },
        ...{ code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier), code_challenge_method: 'S256' },
      })
      return { url: url.href, begun }
    },

    async finish(url, { verifier, state, nonce }) {
      const { oidc, config } = await discover()
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
      if (asked >= askedMax) throw new Refusal('BUSY', `${issuer} is slow: try again in a moment`)
      asked += 1
      const granting = oidc.authorizationCodeGrant(config, url, checks).finally(() => {
        asked -= 1
      })
      const tokens = await granting.catch((cause) => {
        throw refuse('did not sign you in', cause)
      })
      const claims = tokens.claims()
      if (claims === undefined) throw refuse('sent no id_token', undefined)
      const told = claims.email_verified === true && typeof claims.email === 'string' ? claims.email : undefined
      const called = claims.preferred_username ?? claims.name
      return {
        subject: `${claims.iss} ${claims.sub}`,
        email: told,
        name: typeof called === 'string' ? called : undefined,
        roles: roleClaim === undefined ? undefined : claims[roleClaim],
      }
    },

    async endUrl(returnTo) {
      const { oidc, config } = await discover()
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined
      return oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: returnTo }).href
    },
  }

  function refuse(what: string, cause: unknown): Refusal {
    return new Refusal('SIGN_IN_REFUSED', `${issuer} ${what}${explain(cause)}`)
  }
}

/** What the provider itself says, where it does. */
function explain(cause: unknown): string {
  if (cause === undefined) return ''
  const { error, error_description: description, message } = cause as { [name: string]: unknown }
  return `: ${[error ?? message, description].filter((one) => typeof one === 'string').join(', ')}`
}
