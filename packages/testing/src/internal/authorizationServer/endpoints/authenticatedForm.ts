import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type { Handler } from "../../httpServer/router.js"
import type { Client } from "../clients/client.js"
import { authenticate } from "../clients/clientAuthentication.js"
import * as Form from "../http/form.js"
import { answer, type Refusal } from "../http/oauthError.js"
import type { Server } from "../serverState.js"

/** A form of an authenticated client. */
export interface Call {
  readonly server: Server
  readonly client: Client
  readonly form: Form.Form
  readonly request: HttpServerRequest.HttpServerRequest
  readonly now: number
}

/** A handler for forms that requires client authentication. */
export const authenticated =
  (server: Server, handle: (call: Call) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal>): Handler =>
  (request) =>
    Effect.gen(function* () {
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const form = yield* Form.read(request)
      const client = yield* authenticate(server, request, form, now)
      return yield* handle({ server, client, form, request, now })
    }).pipe(Effect.catchTag("Refusal", answer))
