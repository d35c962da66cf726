/** Custom authentication scheme: the server sends a ticket with its 401, and each request sends ticket and key. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Challenge from "@countersign/protocol/Challenge"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

// #region scheme
const ticket = (key: Redacted.Redacted<string>): Effect.Effect<Auth.Service> =>
  Effect.sync(() => {
    let current = "none"
    return {
      // Called for each HTTP request. `credential` identifies the credential without its secret.
      sign: (request) =>
        Effect.sync(() => ({
          request: HttpClientRequest.setHeader(request, "authorization", `Ticket ${current}:${Redacted.value(key)}`),
          credential: current
        })),
      // Called after a 401. Returns true if a replay sends another ticket.
      onRejected: ({ challenges, credential }) =>
        Effect.sync(() => {
          if (credential !== current) return true
          const offered = Challenge.find(challenges, "ticket")?.params["id"]
          if (offered === undefined || offered === current) return false
          current = offered
          return true
        })
    }
  })

const TicketLive = Layer.effect(Auth.Auth, ticket(Redacted.make("my-key")))
// #endregion

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: TicketLive })

export const program = Effect.gen(function* () {
  const api = yield* Api
  yield* api.get("/a")
  yield* api.get("/b")
})
