import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { json } from "../../httpServer/responses.js"
import { get, type Handler, post, type Row } from "../../httpServer/router.js"
import * as Secret from "../../randomSecret.js"
import * as Client from "../clients/client.js"
import type { Approval } from "../consent/authorization.js"
import { authenticated, type Call } from "../endpoints/authenticatedForm.js"
import * as Form from "../http/form.js"
import * as Page from "../http/htmlPage.js"
import { noStore, refuse, type Refusal } from "../http/oauthError.js"
import type { Server } from "../serverState.js"
import * as IdToken from "../tokens/idToken.js"
import type { Device } from "./device.js"
import * as Target from "./scopeAndAudience.js"
import { type Asked, type Grant, issue } from "./tokenRequest.js"

export const grantType = "urn:ietf:params:oauth:grant-type:device_code"

/** Twenty letters that form no words and are easy to distinguish (RFC 8628 §6.1). */
const letters = "BCDFGHJKLMNPQRSTVWXZ"

const userCode = (): string => {
  const code = Array.from(globalThis.crypto.getRandomValues(new Uint8Array(8)), (byte) => letters[byte % 20])
  return `${code.slice(0, 4).join("")}-${code.slice(4).join("")}`
}

const begin = ({ client, form, now, server }: Call): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> =>
  Effect.gen(function* () {
    if (!Client.mayUse(client, grantType))
      return yield* refuse("unauthorized_client", "the client must not use this grant type")
    const { interval, lifetime } = server.settings.device
    const code = Secret.random()
    const device: Device = {
      clientId: client.id,
      userCode: userCode(),
      scope: yield* Target.scopeOf(server.settings, form),
      audience: yield* Target.audienceOf(server.settings, form),
      expiresAt: now + lifetime,
      interval,
      polledAt: undefined,
      decision: "pending"
    }
    server.devices.set(code, device)
    const uri = `${server.issuer}/device`
    return yield* json(
      {
        device_code: code,
        user_code: device.userCode,
        verification_uri: uri,
        verification_uri_complete: `${uri}?user_code=${device.userCode}`,
        expires_in: lifetime / 1000,
        interval: interval / 1000
      },
      { headers: noStore }
    )
  })

/** Stores the decision of the user. Returns whether the code was pending. */
export const decide = (server: Server, userCode: string, decision: "denied" | Approval, now: number): boolean => {
  const device = [...server.devices.values()].find((device) => device.userCode === userCode)
  if (device === undefined || device.decision !== "pending" || now >= device.expiresAt) return false
  device.decision = decision
  return true
}

/** Checks a poll. Each early one adds five seconds to the interval (RFC 8628 §3.5). */
const poll = (device: Device, now: number): Refusal | undefined => {
  const isEarly = device.polledAt !== undefined && now - device.polledAt < device.interval
  device.polledAt = now
  if (device.decision === "spent") return refuse("invalid_grant", "the device code was used before")
  if (now >= device.expiresAt) return refuse("expired_token", "the device code expired")
  if (isEarly) device.interval += 5000
  if (isEarly) return refuse("slow_down", "the device polls too often")
  if (device.decision === "denied") return refuse("access_denied", "the user denied the request")
  return device.decision === "pending" ? refuse("authorization_pending", "the user has not decided yet") : undefined
}

/** `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4). */
export const grant = (asked: Asked): Grant =>
  Effect.gen(function* () {
    const { client, entry, form, server } = asked
    const device = server.devices.get(form.get("device_code") ?? "")
    if (device === undefined || device.clientId !== client.id) {
      return yield* refuse("invalid_grant", "unknown device code")
    }
    const refusal = poll(device, entry.at)
    if (refusal !== undefined) return yield* refusal
    const { scope = device.scope, subject: user = server.settings.subject } =
      typeof device.decision === "string" ? {} : device.decision
    device.decision = "spent"
    const isRefreshable = Client.mayUse(client, "refresh_token")
    const { response } = issue(asked, { scope, user, audience: device.audience }, isRefreshable)
    return yield* IdToken.attach(server, response, { clientId: client.id, user, now: entry.at })
  })

const field = '<label>Code <input name="user_code" autocomplete="off"></label>'

const pressed =
  (server: Server): Handler =>
  (request) =>
    Effect.gen(function* () {
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const form = yield* Form.read(request)
      const decision = form.get("decision") === "approve" ? {} : "denied"
      const isKnown = decide(server, form.get("user_code") ?? "", decision, now)
      return isKnown ? Page.told(200, "You may close this window.") : Page.told(400, "Unknown code.")
    }).pipe(Effect.catchTag("Refusal", ({ description }) => Effect.succeed(Page.told(400, description))))

export const routes = (server: Server): ReadonlyArray<Row> => [
  post("/device_authorization", authenticated(server, begin)),
  get("/device", () => Effect.succeed(Page.decision(field))),
  post("/device", pressed(server))
]
