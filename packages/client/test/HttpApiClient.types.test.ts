/** Types of clients of an `HttpApi`: results, errors and requirements. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as HttpApiClient from "@countersign/client/HttpApiClient"
import * as Effect from "effect/Effect"
import { describe, expectTypeOf, it } from "vitest"
import type { Currency, Invoice, Locked, Maintenance, NotFound } from "./support/billing.js"
import { Description, Serviced } from "./support/billing.js"

class Billing extends ApiClient.Tag("test/Billing")<Billing>() {}
class Sealed extends ApiClient.Tag("test/Sealed")<Sealed, "own">() {}

const _billing = HttpApiClient.make(Billing, Description)
type Client = Effect.Effect.Success<typeof _billing>
type Invoice = typeof Invoice.Type
type Always = Errors.ApiError | Errors.InvalidResponse | HttpApiDecodeError
type ErrorOf<F extends (...args: Array<never>) => Effect.Effect<unknown, unknown>> = Effect.Effect.Error<ReturnType<F>>

describe("HttpApiClient types", () => {
  it("require the API, and the services of the schemas", () => {
    expectTypeOf<Effect.Effect.Context<typeof _billing>>().toEqualTypeOf<Billing>()
    expectTypeOf<Effect.Effect.Error<typeof _billing>>().toEqualTypeOf<never>()
    const _serviced = HttpApiClient.make(Billing, Serviced)
    expectTypeOf<Effect.Effect.Context<typeof _serviced>>().toEqualTypeOf<Billing | Currency>()
    const _value = (client: ApiClient.ApiClient) => HttpApiClient.makeWith(client, Description)
    expectTypeOf<Effect.Effect.Context<ReturnType<typeof _value>>>().toEqualTypeOf<never>()
  })

  it("show the errors of the endpoint, of its group and of the client, and no error of the platform", () => {
    expectTypeOf<ErrorOf<Client["invoices"]["find"]>>().toEqualTypeOf<NotFound | Maintenance | Always>()
    expectTypeOf<ErrorOf<Client["invoices"]["text"]>>().toEqualTypeOf<Maintenance | Always>()
    expectTypeOf<ErrorOf<Client["health"]>>().toEqualTypeOf<Always>()
  })

  it("show the errors of the scheme, of the middleware, and of a client with fewer features", () => {
    const _sealed = HttpApiClient.make(Sealed, Serviced)
    type Due = Effect.Effect.Success<typeof _sealed>["amounts"]["due"]
    expectTypeOf<ErrorOf<Due>>().toEqualTypeOf<"own" | Locked | Always>()
    const _value = Effect.flatMap(ApiClient.make({ baseUrl: "https://a.test", auth: Auth.none }), (client) =>
      HttpApiClient.makeWith(client, Description)
    )
    type Health = Effect.Effect.Success<typeof _value>["health"]
    expectTypeOf<ErrorOf<Health>>().toEqualTypeOf<Exclude<Always, Errors.CircuitOpen | Errors.Overloaded>>()
  })

  it("return the value, or with withResponse the value and the response", () => {
    const _calls = (client: Client) => ({
      value: client.invoices.find({ path: { id: 1 } }),
      both: client.invoices.find({ path: { id: 1 }, withResponse: true }),
      top: client.health(),
      topBoth: client.health({ withResponse: true })
    })
    type Calls = ReturnType<typeof _calls>
    expectTypeOf<Effect.Effect.Success<Calls["value"]>>().toEqualTypeOf<Invoice>()
    expectTypeOf<Effect.Effect.Success<Calls["both"]>>().toEqualTypeOf<[Invoice, HttpClientResponse]>()
    expectTypeOf<Effect.Effect.Success<Calls["top"]>>().toEqualTypeOf<{ readonly up: boolean }>()
    expectTypeOf<Effect.Effect.Success<Calls["topBoth"]>>().toEqualTypeOf<
      [{ readonly up: boolean }, HttpClientResponse]
    >()
    expectTypeOf<Effect.Effect.Context<Calls["value"]>>().toEqualTypeOf<never>()
  })

  it("reject wrong names and values", () => {
    const wrong = (client: Client) => [
      // @ts-expect-error -- the path parameter is missing
      client.invoices.find(),
      // @ts-expect-error -- `id`
      client.invoices.find({ path: { ID: 1 } }),
      // @ts-expect-error -- a number
      client.invoices.find({ path: { id: "1" } }),
      // @ts-expect-error -- `path`
      client.invoices.find({ paths: { id: 1 } }),
      // @ts-expect-error -- `urlParams`
      client.invoices.add({ payload: { total: 1 }, headers: { "x-batch": 1 }, query: { dry: true } }),
      // @ts-expect-error -- the payload is missing
      client.invoices.add({ headers: { "x-batch": 1 }, urlParams: { dry: true } }),
      // @ts-expect-error -- a FormData
      client.invoices.upload({ payload: { note: "x" } }),
      // @ts-expect-error -- no such endpoint
      client.invoices.remove,
      // @ts-expect-error -- a top-level group has no object
      client.root
    ]
    expectTypeOf(wrong).toBeFunction()
  })
})
