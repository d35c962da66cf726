import * as Effect from "effect/Effect"
import type * as Recorder from "../httpServer/requestRecorder.js"
import * as OptionNames from "../options/optionNames.js"
import * as Secret from "../randomSecret.js"
import type { Approval } from "./consent/authorization.js"
import * as Consent from "./consent/consent.js"
import * as Device from "./grants/deviceCode.js"
import type { Server } from "./serverState.js"
import type { Service } from "./service.js"
import * as Jwt from "./tokens/jwt.js"
import * as Family from "./tokens/tokenFamily.js"
import * as Tokens from "./tokens/tokens.js"

const atNow = <A>(read: (now: number) => A): Effect.Effect<A> =>
  Effect.clockWith((clock) => Effect.sync(() => read(clock.unsafeCurrentTimeMillis())))

const approvalNames: OptionNames.ShapeOf<Approval> = { subject: true, scope: true }

/** Control of tokens and faults. */
const sessions = (
  server: Server
): Pick<Service, "issueTokens" | "revokeAccessTokens" | "revokeFamily" | "setFaults"> => {
  const { calls, settings, tokens } = server
  return {
    issueTokens: (to) =>
      atNow((now) => {
        const { clientId, scope } = OptionNames.known("`issueTokens`", to, { clientId: true, scope: true })
        const subject = { clientId, scope, user: settings.subject }
        return Tokens.issue(tokens, settings, subject, { refreshable: true, now }).response
      }),
    revokeAccessTokens: Effect.sync(() => tokens.access.clear()),
    revokeFamily: (id, options = {}) =>
      atNow((at) => {
        const { accessTokens = "dead" } = OptionNames.known("`revokeFamily`", options, { accessTokens: true })
        const family = tokens.families[id]
        if (family !== undefined) Family.end(family, { by: "administrator", at, accessTokens })
      }),
    setFaults: (script) =>
      Effect.sync(() => {
        server.faults = { from: calls.length, script }
      })
  }
}

/** Decisions in place of the user. */
const user = (
  server: Server
): Pick<Service, "pendingConsents" | "approve" | "deny" | "approveDevice" | "denyDevice"> => ({
  pendingConsents: Effect.sync(() =>
    Array.from(server.asked, ([id, { client, scope }]) => ({ id, clientId: client.id, scope }))
  ),
  approve: (id, approval = {}) =>
    atNow((now) => {
      OptionNames.known("`approve`", approval, approvalNames)
      const authorization = Consent.take(server, id)
      return authorization === undefined ? undefined : Consent.approve(server, authorization, { ...approval, now })
    }),
  deny: (id) =>
    Effect.sync(() => {
      const authorization = Consent.take(server, id)
      return authorization === undefined ? undefined : Consent.deny(server, authorization)
    }),
  approveDevice: (userCode, approval = {}) =>
    atNow((now) => Device.decide(server, userCode, OptionNames.known("`approveDevice`", approval, approvalNames), now)),
  denyDevice: (userCode) => atNow((now) => Device.decide(server, userCode, "denied", now))
})

/** The service of a server. */
export const control = (server: Server, { connections, requests }: Recorder.Recorder): Service => {
  const { calls, issuer, tokens } = server
  const stateOf = (family: Family.Family, now: number) => Family.stateOf(family, Tokens.aliveOf(tokens, family, now))
  return {
    issuer,
    tokenEndpoint: server.profile?.endpoints.token ?? `${issuer}/token`,
    resource: `${issuer.replace(/\/$/, "")}/resource`,
    tokenCalls: Effect.sync(() => calls.length),
    refreshCalls: Effect.sync(() => calls.filter(({ grantType }) => grantType === "refresh_token").length),
    calls: Effect.sync(() => calls.map((call) => ({ ...call }))),
    revokedFamilies: Effect.sync(() => tokens.families.filter(({ ended }) => ended?.by === "reuse").length),
    families: atNow((now) => tokens.families.map((family) => stateOf(family, now))),
    findFamily: (token) =>
      atNow((now) => {
        const family = Tokens.familyOf(tokens, token)
        return family === undefined ? undefined : stateOf(family, now)
      }),
    requests,
    connections,
    ...sessions(server),
    ...user(server),
    renewNonces: Effect.sync(() => server.nonces.clear()),
    rotateKeys: Effect.sync(() => {
      server.signer = Jwt.signer(Secret.random().slice(0, 8))
    })
  }
}
