/** Mistakes that TypeScript reports: each with the first error, which is the one that a reader sees. */

/** A mistake in code, numbered as in the list of typical mistakes. */
export interface Mistake {
  readonly number: number
  readonly name: string
  readonly code: string
  /** Whether the snippet has its own imports, and none of the declarations. */
  readonly isWhole?: true
  /** The code of the first error, the text that it underlines, and essential parts of its message. */
  readonly error: readonly [code: string, at: string, ...parts: ReadonlyArray<string>]
}

/** Declarations before each snippet. */
export const declarations = `
class Api extends ApiClient.Tag("app/Api")<Api>() {}
class Users extends ApiClient.Tag("app/Users")<Users>() {}
declare const api: ApiClient.ApiClient
declare const token: Redacted.Redacted<string>
declare const limits: RateLimit.Options
const baseUrl = "https://api.example.com"
const auth = Auth.none
const call = Effect.flatMap(Api, (client) => client.get("/x"))
`

const unknown = "Object literal may only specify known properties"

const provided = "Effect.provide(call, Live)"

const missing = (service: string) => `Type '${service}' is not assignable to type 'never'.`

export const mistakes: ReadonlyArray<Mistake> = [
  {
    number: 1,
    name: "no credentials",
    code: `const Live = Api.layer({ baseUrl }).pipe(Layer.provide(NodeTransport.layer))
Effect.runPromise(Effect.provide(call, Live))`,
    error: ["TS2379", provided, missing('AuthOf<"app/Api">')]
  },
  {
    number: 2,
    name: "no transport",
    code: `const Live = Api.layer({ baseUrl, auth })
Effect.runPromise(Effect.provide(call, Live))`,
    error: ["TS2379", provided, missing("HttpClient")]
  },
  {
    number: 3,
    name: "no Layer of the API",
    code: `const Live = NodeTransport.layer
Effect.runPromise(Effect.provide(call, Live))`,
    error: ["TS2379", provided, missing("Api")]
  },
  {
    number: 5,
    name: "baseURL for baseUrl",
    code: `Api.layer({ baseURL: "https://api.example.com", auth })`,
    error: ["TS2561", "baseURL", unknown, "Did you mean to write 'baseUrl'?"]
  },
  {
    number: 6,
    name: "an unknown option beside good ones",
    code: `Api.layer({ baseUrl, auth, retries: 3 })`,
    error: ["TS2353", "retries", unknown, "'retries' does not exist"]
  },
  {
    number: 7,
    name: "a number of retries",
    code: `Api.layer({ baseUrl, auth, retry: 3 })`,
    error: ["TS2322", "retry", "Type 'number' is not assignable to type 'false | RetrySchedule | Options | undefined'."]
  },
  {
    number: 8,
    name: "the option times of retry",
    code: `Api.layer({ baseUrl, auth, retry: { times: 3 } })`,
    error: ["TS2353", "times", "'times' does not exist in type 'RetrySchedule | Options'."]
  },
  {
    number: 10,
    name: "a token that is not redacted",
    code: `Api.layer({ baseUrl, auth: Bearer.layer("token") })`,
    error: ["TS2345", '"token"', "'string' is not assignable to parameter of type 'Redacted<string>'."]
  },
  {
    number: 16,
    name: "catchTag of another library's error",
    code: `api.get("/x").pipe(Effect.catchTag("NotFound", () => Effect.void))`,
    error: ["TS2769", '"NotFound"', "Argument of type '\"NotFound\"'", '"Unauthorized"', '"ClientError"']
  },
  {
    number: 21,
    name: "mergeAll for provide",
    code: `const Live = Layer.mergeAll(Api.layer({ baseUrl }), Api.auth(Bearer.layer(token)), NodeTransport.layer)
Effect.runPromise(Effect.provide(call, Live))`,
    error: ["TS2379", provided, "Type 'HttpClient | AuthOf<\"app/Api\">' is not assignable to type 'never'."]
  },
  {
    number: 22,
    name: "an object as body",
    code: `api.post("/x", { body: { title: "x" } })`,
    error: ["TS2353", "title", unknown, "'title' does not exist in type", "HttpBody"]
  },
  {
    number: 23,
    name: "data of axios",
    code: `api.post("/x", { data: { title: "x" } })`,
    error: ["TS2353", "data", unknown, "'data' does not exist in type", "BodyOptions"]
  },
  {
    number: 23,
    name: "params of axios",
    code: `api.get("/x", { params: { q: "x" } })`,
    error: ["TS2353", "params", unknown, "'params' does not exist in type", "ResponseOptions"]
  },
  {
    number: 26,
    name: "true for cookies",
    code: `Api.layer({ baseUrl, auth, cookies: true })`,
    error: ["TS2322", "cookies", "Type 'true' is not assignable to type 'CookiesOption'."]
  },
  {
    number: 28,
    name: "Layers in the wrong order",
    code: `const Live = NodeTransport.layer.pipe(Layer.provideMerge(Api.layer({ baseUrl, auth })))
Effect.runPromise(Effect.provide(call, Live))`,
    error: ["TS2379", provided, missing("HttpClient")]
  },
  {
    number: 29,
    name: "a member of json without yield*",
    code: `Effect.map(api.get("/x"), (response) => response.json.login)`,
    error: ["TS2339", "login", "Property 'login' does not exist on type 'Effect<unknown, ResponseError, never>'."]
  },
  {
    number: 31,
    name: "a named import for the namespace",
    code: `import { ApiClient } from "@countersign/client/ApiClient"
ApiClient.make({ baseUrl: "https://api.example.com" })`,
    isWhole: true,
    error: ["TS1484", "ApiClient", "'ApiClient' is a type and must be imported using a type-only import"]
  },
  {
    number: 32,
    name: "a default import",
    code: `import ApiClient from "@countersign/client/ApiClient"
ApiClient.make({ baseUrl: "https://api.example.com" })`,
    isWhole: true,
    error: ["TS2613", "ApiClient", "has no default export."]
  },
  {
    number: 33,
    name: "an internal module",
    code: `import { assemble } from "@countersign/client/internal/client/assemble"
assemble`,
    error: ["TS2307", '"@countersign/client/internal/client/assemble"', "Cannot find module"]
  },
  {
    number: 35,
    name: "one token for two APIs",
    code: `const Live = Layer.mergeAll(Api.layer({ baseUrl }), Users.layer({ baseUrl })).pipe(
  Layer.provide([Bearer.layer(token), NodeTransport.layer])
)
Effect.runPromise(Effect.provide(call, Live))`,
    error: ["TS2379", provided, missing('AuthOf<"app/Api"> | AuthOf<"app/Users">')]
  },
  {
    number: 37,
    name: "json that does not match jsonSchema",
    code: `api.post("/x", { json: { n: "1" }, jsonSchema: Schema.Struct({ n: Schema.Number }) })`,
    error: ["TS2322", "n", "Type 'string' is not assignable to type 'number'."]
  },
  {
    number: 38,
    name: "a misspelt option beside schema",
    code: `api.get("/x", { schema: Schema.Struct({ n: Schema.Number }), header: { a: "b" } })`,
    error: ["TS2561", "header", unknown, "Did you mean to write 'headers'?"]
  },
  {
    number: 39,
    name: "an Effect for a rate limit",
    code: `Api.layer({ baseUrl, auth, rateLimit: RateLimit.make(limits) })`,
    error: ["TS2322", "rateLimit", "Type 'Effect<Service, never, RateLimiter>'", "required in type 'Layer<RateLimit,"]
  },
  {
    number: 39,
    name: "an Effect for a circuit breaker",
    code: `Api.layer({ baseUrl, auth, circuitBreaker: CircuitBreaker.make() })`,
    error: [
      "TS2322",
      "circuitBreaker",
      "Type 'Effect<Service, never, never>'",
      "required in type 'Layer<CircuitBreaker,"
    ]
  },
  {
    number: 40,
    name: "true for idempotencyKey",
    code: `Api.layer({ baseUrl, auth, idempotencyKey: true })`,
    error: ["TS2322", "idempotencyKey", "Type 'boolean' is not assignable to type 'IdempotencyKey'."]
  },
  {
    number: 40,
    name: "true for metrics",
    code: `Api.layer({ baseUrl, auth, metrics: true })`,
    error: ["TS2322", "metrics", "Type 'boolean' is not assignable to type", "durations", "counters"]
  }
]

/** Mistakes of former releases, which compile and do what they say now. */
export const allowed: ReadonlyArray<Pick<Mistake, "number" | "name" | "code" | "isWhole">> = [
  { number: 9, name: "a timeout in milliseconds", code: `Api.layer({ baseUrl, auth, timeout: 5000 })` },
  { number: 24, name: "api.delete", code: `api.delete("/x")` },
  { number: 25, name: "a timeout of a call", code: `api.get("/x", { timeout: "5 seconds", retry: false })` },
  {
    number: 27,
    name: "the platform's transport",
    code: `Layer.provide(Api.layer({ baseUrl, auth }), FetchHttpClient.layer)`
  },
  { number: 40, name: "a base URL as URL", code: `Api.layer({ baseUrl: new URL(baseUrl), auth })` },
  { number: 40, name: "a base URL as Config", code: `Api.layer({ baseUrl: Config.string("API_URL"), auth })` }
]
