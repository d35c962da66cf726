import * as Effect from "effect/Effect"
import type { OAuthServer } from "../../OAuthServer.js"
import type * as Recorder from "../server/recorder.js"
import * as Family from "./family.js"
import type { Server } from "./routes.js"
import * as Tokens from "./tokens.js"

const atNow = <A>(read: (now: number) => A): Effect.Effect<A> =>
  Effect.clockWith((clock) => Effect.sync(() => read(clock.unsafeCurrentTimeMillis())))

/** What tests see of a server, and do to it. */
export const control = (
  server: Server,
  issuer: string,
  { connections, requests }: Recorder.Recorder
): typeof OAuthServer.Service => {
  const { calls, settings, tokens } = server
  const stateOf = (family: Family.Family, now: number) => Family.stateOf(family, Tokens.aliveOf(tokens, family, now))
  return {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    resource: `${issuer}/resource`,
    tokenCalls: Effect.sync(() => calls.length),
    refreshCalls: Effect.sync(() => calls.filter(({ grantType }) => grantType === "refresh_token").length),
    calls: Effect.sync(() => calls.map((call) => ({ ...call }))),
    revokedFamilies: Effect.sync(() => tokens.families.filter(({ ended }) => ended?.by === "reuse").length),
    families: atNow((now) => tokens.families.map((family) => stateOf(family, now))),
    familyOf: (token) =>
      atNow((now) => {
        const family = Tokens.familyOf(tokens, token)
        return family === undefined ? undefined : stateOf(family, now)
      }),
    requests,
    connections,
    signIn: ({ clientId, scope }) =>
      atNow((now) => Tokens.issue(tokens, settings, { clientId, scope }, { refreshable: true, now }).response),
    revokeAccessTokens: Effect.sync(() => tokens.access.clear()),
    revokeFamily: (id, { accessTokens = "dead" } = {}) =>
      atNow((at) => {
        const family = tokens.families[id]
        if (family !== undefined) Family.end(family, { by: "administrator", at, accessTokens })
      }),
    setFaults: (script) =>
      Effect.sync(() => {
        server.faults = { from: calls.length, script }
      })
  }
}
