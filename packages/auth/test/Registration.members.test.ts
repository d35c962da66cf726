import * as Registration from "@countersign/auth/Registration"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { issuer } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"

const { respond } = MockClient

const endpoint = `${issuer}/register`

/** Registers at a server with this response. */
const registering = (status: number, body: unknown, headers?: MockClient.Headers) =>
  Effect.gen(function* () {
    const { client } = yield* MockClient.make(({ method }) =>
      method === "GET"
        ? respond(200, { issuer, token_endpoint: `${issuer}/token`, registration_endpoint: endpoint })
        : respond(status, typeof body === "string" ? body : JSON.stringify(body), headers)
    )
    return yield* Registration.register(
      { issuer },
      { redirect_uris: ["http://127.0.0.1/cb"], token_endpoint_auth_method: "none" }
    ).pipe(Effect.provideService(HttpClient.HttpClient, client), Effect.either)
  })

const optional = [
  ...["client_id_issued_at", "client_name", "client_secret", "client_secret_expires_at", "client_uri", "contacts"],
  ...["grant_types", "jwks", "jwks_uri", "logo_uri", "policy_uri", "redirect_uris", "registration_access_token"],
  ...["registration_client_uri", "response_types", "scope", "software_id", "token_endpoint_auth_method", "x_unknown"]
]

const values = [null, "", 7, -1, true, [], [null], {}, { a: null }]

describe("Registration.register", () => {
  it.effect.each(optional)("accepts a response with any value of %s", (name) =>
    Effect.gen(function* () {
      for (const value of values) {
        const result = yield* registering(201, { client_id: "c", [name]: value })
        expect(result, JSON.stringify(value)).toMatchObject({ _tag: "Right", right: { clientId: "c" } })
      }
      expect(yield* registering(201, { client_id: "c" })).toMatchObject({ right: { clientId: "c", method: "none" } })
    })
  )

  it.effect.each([200, 201, 202, 203])("accepts a response with status %s and any content type", (status) =>
    Effect.gen(function* () {
      for (const type of ["application/json", "text/plain", "text/html", "no type"]) {
        const result = yield* registering(status, { client_id: "c" }, { "content-type": type })
        expect(result, type).toMatchObject({ right: { clientId: "c" } })
      }
    })
  )

  it.effect.each<readonly [given: unknown, uri: string | undefined]>([
    [`${issuer}/register/c`, `${issuer}/register/c`],
    ["/register/c", `${issuer}/register/c`],
    ["c", `${issuer}/c`],
    ["?client_id=c", `${issuer}/register?client_id=c`],
    ["//other.test/c", "https://other.test/c"],
    ["http://auth.test/register/c", undefined],
    ["https://user:password@auth.test/c", undefined],
    ["javascript:alert(1)", undefined],
    ["https://", undefined]
  ])("resolves registration_client_uri, or ignores an invalid one: %s", ([given, uri]) =>
    Effect.gen(function* () {
      const result = yield* registering(201, { client_id: "c", registration_client_uri: given })
      expect(result._tag === "Right" && result.right.registrationUri).toBe(uri)
    })
  )

  it.effect.each([undefined, null, "", {}, [], true, "c\u0000"])(
    "names the management URI in the error for an invalid client_id (%j)",
    (id) =>
      Effect.gen(function* () {
        const result = yield* registering(201, { client_id: id, registration_client_uri: "/register/7" })
        expect(result).toMatchObject({ left: { reason: "InvalidResponse" } })
        expect(allRenderings(result)).toContain(`${issuer}/register/7`)
        expect(allRenderings(result)).toContain("`client_id`")
      })
  )
})
