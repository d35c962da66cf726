import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Request from "../../httpServer/requestReader.js"
import { empty, json } from "../../httpServer/responses.js"
import { get, type Handler, post, type Row } from "../../httpServer/router.js"
import * as Secret from "../../randomSecret.js"
import * as Authorization from "../consent/authorizationRequest.js"
import * as Consent from "../consent/consent.js"
import * as Form from "../http/form.js"
import * as Page from "../http/htmlPage.js"
import { noStore, refuse, type Refusal } from "../http/oauthError.js"
import * as Behavior from "../profileBehavior.js"
import type { Server } from "../serverState.js"
import * as Dpop from "../tokens/dpop.js"
import { authenticated, type Call } from "./authenticatedForm.js"

type Response = HttpServerResponse.HttpServerResponse

const prefix = "urn:ietf:params:oauth:request_uri:"

/** 303 makes the browser use GET, whatever method it used here. */
const redirect = (url: string): Response => empty(303, { location: url, "cache-control": "no-store" })

/** The pushed request of a `request_uri` (RFC 9126 §4). It is usable once, by the client that pushed it. */
const pushed = (
  { pushed }: Server,
  form: Form.Form,
  now: number
): Effect.Effect<Authorization.Authorization, Refusal> =>
  Effect.suspend(() => {
    const uri = form.get("request_uri") ?? ""
    const found = pushed.get(uri)
    if (found === undefined || found.authorization.client.id !== form.get("client_id") || now >= found.expiresAt) {
      return Effect.fail(refuse("invalid_request", "request_uri is unknown, used, expired or of another client"))
    }
    pushed.delete(uri)
    return Effect.succeed(found.authorization)
  })

const decided = (server: Server, authorization: Authorization.Authorization, now: number): Response => {
  switch (server.settings.consent) {
    case "approve":
      return redirect(Consent.approve(server, authorization, { now }))
    case "deny":
      return redirect(Consent.deny(server, authorization))
    case "manual": {
      const id = Secret.random()
      server.asked.set(id, authorization)
      return Page.decision(`<input type="hidden" name="id" value="${id}">`)
    }
  }
}

/** Fails for a request that the provider rejects. */
const unflawed = ({ profile }: Server, form: Form.Form, query: string): Effect.Effect<void, Refusal> => {
  const flaw = Behavior.flawOf(profile, form, query)
  return flaw === undefined ? Effect.void : Effect.fail(refuse("invalid_request", flaw))
}

const requested = (server: Server, sent: Form.Form, now: number, query: string): Effect.Effect<Response, Refusal> => {
  const form = Behavior.authorizing(server.profile, sent)
  const decide = (authorization: Authorization.Authorization) => decided(server, authorization, now)
  if (form.has("request_uri")) return Effect.map(pushed(server, form, now), decide)
  if (server.settings.pushedRequests === "required") {
    return Effect.fail(
      refuse("invalid_request", "pushed authorization requests are required: push the request to /par")
    )
  }
  return Effect.flatMap(Authorization.destination(server, form), (to) =>
    unflawed(server, form, query).pipe(
      Effect.zipRight(Authorization.check(server, to, form)),
      Effect.map(decide),
      Effect.catchTag("Refusal", ({ description, error }) =>
        Effect.succeed(redirect(Consent.back(server, to, { error, error_description: description })))
      )
    )
  )
}

const authorize =
  (server: Server): Handler =>
  (request) =>
    Effect.clockWith((clock) =>
      Form.parse(Request.query(request)).pipe(
        Effect.flatMap((form) => requested(server, form, clock.unsafeCurrentTimeMillis(), request.url)),
        Effect.catchTag("Refusal", ({ description }) => Effect.succeed(Page.told(400, description)))
      )
    )

/** Handles a button of the consent page. */
const decide =
  (server: Server): Handler =>
  (request) =>
    Effect.gen(function* () {
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const form = yield* Form.read(request)
      const authorization = Consent.take(server, form.get("id") ?? "")
      if (authorization === undefined) return Page.told(400, "The decision was made before.")
      return form.get("decision") === "approve"
        ? redirect(Consent.approve(server, authorization, { now }))
        : redirect(Consent.deny(server, authorization))
    }).pipe(Effect.catchTag("Refusal", ({ description }) => Effect.succeed(Page.told(400, description))))

/** A proof with the pushed request binds the code to its key (RFC 9449 §10.1). */
const keyOf = (
  { form, now, server }: Call,
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<string | undefined, Refusal> =>
  Effect.filterOrFail(
    Dpop.prove(server, request, { place: "par", now }),
    (jkt) => jkt === undefined || (form.get("dpop_jkt") ?? jkt) === jkt,
    () => refuse("invalid_dpop_proof", "dpop_jkt differs from the key of the proof")
  )

/** Pushed authorization requests (RFC 9126 §2), validated like requests to `/authorize`. */
const push = (call: Call): Effect.Effect<Response, Refusal> =>
  Effect.gen(function* () {
    const { client, form, now, request, server } = call
    if (form.has("request_uri")) return yield* refuse("invalid_request", "request_uri must not be pushed")
    const named = new Map([...form, ["client_id", client.id]])
    const authorization = yield* Authorization.check(server, yield* Authorization.destination(server, named), named)
    const jkt = (yield* keyOf(call, request)) ?? authorization.jkt
    const uri = `${prefix}${Secret.random()}`
    server.pushed.set(uri, { authorization: { ...authorization, jkt }, expiresAt: now + 60_000 })
    return yield* json({ request_uri: uri, expires_in: 60 }, { status: 201, headers: noStore })
  })

export const routes = (server: Server): ReadonlyArray<Row> => [
  get("/authorize", authorize(server)),
  post("/authorize", decide(server)),
  post("/par", Dpop.nonced(server, authenticated(server, push)))
]
