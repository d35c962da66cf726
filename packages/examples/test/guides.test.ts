/** Runs the programs of the guides and compares their outputs with the documents. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { describe, expect, it, vi } from "@effect/vitest"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Crypto from "node:crypto"
import { AwsClient } from "aws4fetch"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as AwsSignature from "../src/aws-signature.js"
import * as Batches from "../src/batch.js"
import * as CallOptions from "../src/call-options.js"
import * as FirstErrors from "../src/first-errors.js"
import * as Forms from "../src/forms.js"
import * as Limits from "../src/limits.js"
import * as MessageSignatures from "../src/message-signatures.js"
import * as Caching from "../src/cache.js"
import * as Operations from "../src/operation.js"
import * as Pages from "../src/pages.js"
import * as Paging from "../src/paging.js"
import * as PostJson from "../src/post-json.js"
import * as Streams from "../src/streams.js"
import * as SeveralApis from "../src/several-apis.js"
import * as Transport from "../src/transport.js"
import * as WhichScheme from "../src/which-scheme.js"
import { config, expectShown, printed } from "./support/shownOutput.js"

const { respond } = MockClient
const sent = Effect.flatMap(MockClient.MockClient, (mock) => mock.sent)

describe("first-errors.ts", () => {
  it.effect("prints the messages of the errors", () =>
    printed(FirstErrors.program).pipe(
      Effect.map((output) => expectShown("first-errors.ts", output)),
      Effect.provide(FirstErrors.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("which-scheme.ts", () => {
  it.effect("prints the challenges of a server", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* HttpBin.HttpBin
      const output = yield* printed(WhichScheme.look(baseUrl, "/digest-auth/auth/user/pass/SHA-256"))
      expectShown("which-scheme.ts", output)
      expect(yield* printed(WhichScheme.look(baseUrl, "/get"))).toBe("no credentials are needed")
    }).pipe(Effect.provide(HttpBin.layerMemory))
  )

  it.effect("signs with the scheme that the server asks for, and reports what it does not answer", () =>
    Effect.gen(function* () {
      const schemes = Effect.map(sent, (requests) =>
        requests.map(({ headers }) => headers["authorization"]?.split(" ")[0])
      )
      const challenge = (field: string) => (request: MockClient.Sent) =>
        request.headers["authorization"] === undefined
          ? respond(401, "", { "www-authenticate": field })
          : respond(200, {})
      const run = (live: typeof WhichScheme.ApiLive, field: string) =>
        Effect.all([printed(WhichScheme.report), schemes]).pipe(
          Effect.provide(live),
          Effect.provide(MockClient.layer(challenge(field)))
        )
      const digest = 'Digest realm="r", nonce="n", qop="auth", algorithm='
      expect(yield* run(WhichScheme.ApiLive, `${digest}SHA-256, Basic realm="r"`)).toEqual(["", [undefined, "Digest"]])
      expect(yield* run(WhichScheme.ApiLive, 'Basic realm="r"')).toEqual(["", [undefined, "Basic"]])
      expect(yield* run(WhichScheme.DigestLive, `${digest}MD5`)).toEqual(["", [undefined, "Digest"]])
      const [unsupported] = yield* run(WhichScheme.DigestLive, `${digest}SHA-1`)
      expect(unsupported).toContain("`algorithm`")
    }).pipe(config({ API_USER: "ada", API_PASSWORD: "pass" }))
  )
})

describe("message-signatures.ts", () => {
  const pair = Crypto.generateKeyPairSync("ed25519")
  const publicJwk = pair.publicKey.export({ format: "jwk" })
  const thumbprint = Crypto.createHash("sha256").update(`{"crv":"Ed25519","kty":"OKP","x":"${publicJwk.x}"}`)
  const keyText = (kid: string) => JSON.stringify({ ...pair.privateKey.export({ format: "jwk" }), kid })
  const signatureOf = (field = "") => Buffer.from(/^sig1=:(.*):$/.exec(field)?.[1] ?? "", "base64")

  /** Whether the signature of a request is of these lines and of its parameters. */
  const isSigned = ({ headers }: MockClient.Sent, lines: ReadonlyArray<string>) => {
    const base = [...lines, `"@signature-params": ${headers["signature-input"]?.replace("sig1=", "")}`].join("\n")
    return Crypto.verify(null, Buffer.from(base), pair.publicKey, signatureOf(headers["signature"]))
  }

  /** Signs a response as the bank does, and sends this body. */
  const signed = (body: string) => {
    const digest = `sha-256=:${Crypto.createHash("sha256").update('{"balance":21}').digest("base64")}:`
    const params = '("@status" "content-digest" "@method";req "@target-uri";req);created=0;keyid="bank"'
    const lines = [
      '"@status": 200',
      `"content-digest": ${digest}`,
      '"@method";req: GET',
      '"@target-uri";req: https://bank.example.com/balance'
    ]
    const base = [...lines, `"@signature-params": ${params}`].join("\n")
    const signature = Crypto.sign(null, Buffer.from(base), pair.privateKey).toString("base64")
    const fields = { "content-digest": digest, "signature-input": `sig1=${params}`, signature: `sig1=:${signature}:` }
    return respond(200, body, { "content-type": "application/json", ...fields })
  }

  it.effect("signs each request with an Ed25519 key", () =>
    Effect.gen(function* () {
      yield* Effect.provide(
        Effect.flatMap(MessageSignatures.Api, (api) => api.get("/orders")),
        MessageSignatures.ApiLive
      )
      const [request] = yield* sent
      expectShown("message-signatures.ts#sign", request?.headers["signature-input"] ?? "")
      expect(isSigned(request!, ['"@method": GET', '"@target-uri": https://api.example.com/orders'])).toBe(true)
    }).pipe(config({ API_SIGNING_KEY: keyText("my-key") }), Effect.provide(MockClient.layer([respond(200)])))
  )

  it.effect("reads a signed response, and rejects a body that was changed", () =>
    Effect.gen(function* () {
      const run = Effect.provide(printed(MessageSignatures.printBalance), MessageSignatures.BankLive)
      expect(yield* run).toBe("{ balance: 21 }")
      expectShown("message-signatures.ts", yield* run)
    }).pipe(
      config({ BANK_SIGNING_KEY: keyText("my-key"), BANK_PUBLIC_KEY: JSON.stringify({ ...publicJwk, kid: "bank" }) }),
      Effect.provide(MockClient.layer([signed('{"balance":21}'), signed('{"balance":99}')]))
    )
  )

  const kid = thumbprint.digest("base64url")

  it.effect("signs the authority and the agent with the parameters of Web Bot Auth", () =>
    Effect.gen(function* () {
      const pages = Effect.flatMap(MessageSignatures.Site, (site) => Effect.all([site.get("/1"), site.get("/2")]))
      yield* Effect.provide(pages, MessageSignatures.SiteLive)
      const requests = yield* sent
      for (const request of requests) {
        expect(request.headers["signature-agent"]).toBe('bot="https://bot.example.com"')
        expect(request.headers["signature-input"]?.replace(/nonce="[0-9a-f-]{36}"/, "nonce")).toBe(
          `sig1=("@authority" "signature-agent";key="bot");created=0;keyid="${kid}";expires=60;nonce;tag="web-bot-auth"`
        )
        const lines = ['"@authority": site.example.com', '"signature-agent";key="bot": "https://bot.example.com"']
        expect(isSigned(request, lines)).toBe(true)
      }
      expect(new Set(requests.map(({ headers }) => headers["signature-input"])).size).toBe(2)
    }).pipe(config({ BOT_SIGNING_KEY: keyText(kid) }), Effect.provide(MockClient.layer(() => respond(200))))
  )
})

describe("aws-signature.ts", () => {
  const key = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret" }
  const environment = Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(key))))

  /** The signature of another library for the request that was sent. */
  const signatureOf = async ({ body, headers, method, url }: MockClient.Sent) => {
    const aws = new AwsClient({ accessKeyId: "AKID", secretAccessKey: "secret" })
    const kept = ["content-type", "x-amz-content-sha256"].flatMap((name): Array<[string, string]> => {
      const value = headers[name]
      return value === undefined ? [] : [[name, value]]
    })
    const signed = await aws.sign(url, {
      ...{ method, headers: kept },
      ...(body !== undefined && { body }),
      aws: { datetime: headers["x-amz-date"] ?? "", allHeaders: true }
    })
    return signed.headers.get("authorization")
  }

  it.effect("prints the list, and signs as aws4fetch does", () =>
    Effect.gen(function* () {
      expectShown("aws-signature.ts", yield* printed(AwsSignature.program))
      const requests = yield* sent
      expect(requests).toHaveLength(2)
      for (const request of requests) {
        expect(request.headers["authorization"]).toBe(yield* Effect.promise(() => signatureOf(request)))
      }
    }).pipe(
      Effect.provide(AwsSignature.PhotosLive),
      Effect.provide(
        MockClient.layer(() =>
          respond(200, "<ListBucketResult><Key>2026/a b.txt</Key></ListBucketResult>", { "content-type": "text/xml" })
        )
      ),
      Effect.provide(environment)
    )
  )

  it.effect("sends a stream in signed chunks", () =>
    Effect.gen(function* () {
      yield* AwsSignature.upload(Stream.make(new TextEncoder().encode("hello")), 5)
      const [request] = yield* sent
      expect(request?.headers).toMatchObject({
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "5"
      })
      expect(request?.body).toMatch(/^5;chunk-signature=\w{64}\r\nhello\r\n0;chunk-signature=\w{64}\r\n\r\n$/)
    }).pipe(
      Effect.provide(AwsSignature.BackupsLive),
      Effect.provide(MockClient.layer(() => respond(200))),
      Effect.provide(environment)
    )
  )

  it.effect("makes a URL for ten minutes", () =>
    Effect.map(Effect.provide(AwsSignature.link, environment), (link) => {
      expect(new URL(link).searchParams.get("X-Amz-Expires")).toBe("600")
    })
  )
})

describe("several-apis.ts", () => {
  const keys = Effect.map(sent, (requests) =>
    requests.map(({ headers, url }) => `${url} ${headers["authorization"] ?? headers["x-api-key"]}`)
  )

  it.effect("sends to each API its own credentials", () =>
    Effect.gen(function* () {
      const output = yield* Effect.provide(printed(SeveralApis.program), SeveralApis.ApisLive)
      expectShown("several-apis.ts", output)
      expect(yield* keys).toEqual([
        "https://api.github.com/user Bearer github-secret",
        "https://weather.example.com/today weather-secret"
      ])
    }).pipe(
      config({ GITHUB_TOKEN: "github-secret", WEATHER_KEY: "weather-secret" }),
      Effect.provide(MockClient.layer([respond(200, { login: "ada" }), respond(200, { degrees: 21 })]))
    )
  )

  it.effect("takes the credentials from outside", () =>
    Effect.gen(function* () {
      const { production, test } = SeveralApis.GitHubFor
      for (const live of [production, test, SeveralApis.Without]) {
        yield* Effect.provide(SeveralApis.user, live)
      }
      expect(yield* keys).toEqual([
        "https://api.github.com/user Bearer github-secret",
        "https://api.github.com/user Bearer token-of-a-test",
        "https://api.github.com/user undefined"
      ])
    }).pipe(config({ GITHUB_TOKEN: "github-secret" }), Effect.provide(MockClient.layer(() => respond(200, {}))))
  )

  it.effect("requests one token for two APIs and for the token source", () =>
    Effect.gen(function* () {
      const output = yield* Effect.provide(printed(SeveralApis.signedIn), SeveralApis.WithSource)
      expect(output).toBe("<redacted>")
      const { tokenCalls } = yield* OAuthServer.OAuthServer
      expect(yield* tokenCalls).toBe(1)
    }).pipe(
      config({ ISSUER: "https://oauth.test", CLIENT_ID: "client", CLIENT_SECRET: "secret" }),
      Effect.provide(OAuthServer.layerMemory())
    )
  )
})

describe("streams.ts", () => {
  const type = { "content-type": "text/event-stream" }
  const delta = (text: string) => `event: delta\ndata: ${JSON.stringify({ text })}\n\n`
  const order = (id: number) => `id: ${id}\ndata: {"order":${id}}\n\n`
  const script = [
    respond(200, `${delta("Because")}${delta("it works.")}data: [DONE]\n\n`, type),
    MockClient.truncated(200, delta("Tomor"), { headers: type }),
    respond(200, 'event: error\ndata: {"message":"overloaded"}\n\n', type),
    MockClient.truncated(200, order(1) + order(2), { headers: type }),
    respond(200, order(3), type),
    respond(200, '{"order":1}\n{"order":2}\n'),
    respond(200, new Uint8Array(70_000), { "content-type": "application/pdf" })
  ]

  it.live("reads events, lines and bytes, and continues a feed", () =>
    Effect.gen(function* () {
      expectShown("streams.ts", yield* Effect.provide(printed(Streams.program), Streams.ApiLive))
      expect((yield* sent).map(({ headers, method }) => [method, headers["last-event-id"]])).toEqual([
        ["POST", undefined],
        ["POST", undefined],
        ["POST", undefined],
        ["GET", undefined],
        ["GET", "2"],
        ["GET", undefined],
        ["GET", undefined]
      ])
    }).pipe(Effect.provide(MockClient.layer(script)))
  )
})

describe("paging.ts", () => {
  const issues = ["Typo", "Crash", "Slow start"].map((title, index) => ({ number: index + 1, title }))
  const script = [
    respond(200, issues[0]),
    respond(200, issues.slice(0, 2), { "x-total-count": "3" }),
    respond(200, issues.slice(0, 2), {
      link: '<https://api.example.com/v1/issues?per_page=1&page=2>; rel="next", </v1/issues?page=3>; rel="last"'
    }),
    respond(200, [], { link: '</v1/issues?page=1>; rel="first", </v1/issues?page=3>; rel="next"' }),
    respond(200, issues.slice(2))
  ]

  it.effect("sends paths and queries, and follows a Link", () =>
    Effect.gen(function* () {
      expectShown("paging.ts", yield* Effect.provide(printed(Paging.program), Paging.ApiLive))
      expect((yield* sent).map(({ url }) => url.replace("https://api.example.com", ""))).toEqual([
        "/v1/repos/my%20team/shop/issues/1?per_page=2",
        "/v1/issues?per_page=2&state=open&label=bug&label=docs",
        "/v1/issues?per_page=2",
        "/v1/issues?per_page=1&page=2",
        "/v1/issues?page=3&per_page=2"
      ])
    }).pipe(Effect.provide(MockClient.layer(script)))
  )
})

describe("pages.ts", () => {
  const titles = ["Typo", "Crash", "Slow start"].map((title) => ({ title }))
  const page = (items: ReadonlyArray<object>, next?: string) =>
    respond(200, items, next === undefined ? {} : { link: `<${next}>; rel="next"` })
  const all = [page(titles.slice(0, 2), "?page=2"), page(titles.slice(2))]
  const ids = (...names: ReadonlyArray<string>) => names.map((id) => ({ id }))
  const script = [
    ...all,
    respond(200, { data: ids("e1", "e2"), next_cursor: "c2" }),
    respond(200, { data: ids("e3", "e4"), next_cursor: "c3" }),
    respond(200, { data: ids("ch1", "ch2"), has_more: true }),
    respond(200, { data: ids("ch3"), has_more: false }),
    page(titles.slice(0, 2), "?page=2"),
    respond(404),
    page(titles.slice(2)),
    page(titles, "/v1/circle?page=2"),
    page(titles, "/v1/circle")
  ]

  it.effect("reads pages by Link, cursor and function, continues, and rejects a circle", () =>
    Effect.gen(function* () {
      expectShown("pages.ts", yield* Effect.provide(printed(Pages.program), Pages.ApiLive))
      expect((yield* sent).map(({ url }) => url.replace("https://api.example.com/v1", ""))).toEqual([
        "/issues?state=open",
        "/issues?page=2",
        "/events",
        "/events?cursor=c2",
        "/charges",
        "/charges?starting_after=ch2",
        "/issues",
        "/issues?page=2",
        "/issues?page=2",
        "/circle",
        "/circle?page=2"
      ])
    }).pipe(Effect.provide(MockClient.layer(script)))
  )

  it("gives the items to for await with Promises", async () => {
    const log = vi.spyOn(console, "log").mockReturnValue(undefined)
    try {
      await Pages.printTitles(MockClient.layer(all))
      expect(log.mock.calls.flat()).toEqual(titles.map(({ title }) => title))
    } finally {
      log.mockRestore()
    }
  })
})

describe("batch.ts", () => {
  const script = [
    respond(200, { name: "Ada" }),
    respond(404),
    respond(200, { name: "Cleo" }),
    respond(201),
    respond(422),
    ...Array.from({ length: 3 }, () => respond(201))
  ]

  it.effect("returns outcomes, and continues from a checkpoint", () =>
    Effect.gen(function* () {
      expectShown("batch.ts", yield* Effect.provide(printed(Batches.program), Batches.ApiLive))
      const posts = (yield* sent).filter(({ method }) => method === "POST")
      expect(posts.map(({ body, url }) => `${url.split("/").at(-1)} ${body}`)).toEqual([
        'orders {"id":"order-1","sum":10}',
        'orders {"id":"order-2","sum":20}',
        'orders {"id":"order-2","sum":20}',
        'payments {"id":"order-1","sum":10}',
        'payments {"id":"order-2","sum":20}'
      ])
    }).pipe(Effect.provide(MockClient.layer(script)))
  )

  it.effect("looks for a payment that was under way", () =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      const started = '{"version":1,"state":"started","idempotencyKey":"k"}'
      for (const id of ["paid", "lost"]) yield* store.set(`payments-2026/${id}`, started)
      const payments = ["paid", "lost", "new"].map((id) => ({ id, sum: 1 }))
      const outcomes = yield* Effect.provide(Batches.sendPayments(payments), Batches.ApiLive)
      expect(outcomes.map(({ _tag }) => _tag)).toEqual(["SucceededBefore", "Succeeded", "Succeeded"])
    }).pipe(
      Effect.provide(KeyValueStore.layerMemory),
      Effect.provide(
        MockClient.layer({
          "GET /v1/payments": ({ url }) => respond(200, { total: url.endsWith("paid") ? 1 : 0 }),
          "POST /v1/payments": () => respond(201)
        })
      )
    )
  )
})

describe("cache.ts", () => {
  let version = 1
  const plans = ({ method, headers }: MockClient.Sent) => {
    if (method === "PUT") version += 1
    const etag = `"${version}"`
    return headers["if-none-match"] === etag
      ? respond(304, "", { etag, "cache-control": "max-age=60" })
      : respond(200, { version }, { etag, "cache-control": "max-age=60" })
  }

  it.effect("uses responses again, validates them, separates accounts, and removes them after a change", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(Effect.provide(Caching.program, Caching.ApiLive)))
      yield* TestClock.adjust("5 minutes")
      expectShown("cache.ts", yield* Fiber.join(fiber))
      expect((yield* sent).map(({ method }) => method)).toEqual(["GET", "GET", "GET", "GET", "PUT", "GET"])
    }).pipe(Effect.provide(MockClient.layer(plans)))
  )
})

describe("cache.ts persistentPlans", () => {
  it.effect("uses the response of an earlier run", () =>
    Effect.gen(function* () {
      yield* Caching.persistentPlans
      const { headers } = yield* Caching.persistentPlans
      expect(headers["cache-status"]).toBe("countersign; hit")
      expect(yield* sent).toHaveLength(1)
    }).pipe(
      Effect.provide(KeyValueStore.layerMemory),
      Effect.provide(MockClient.layer(() => respond(200, {}, { "cache-control": "max-age=60" })))
    )
  )
})

describe("operation.ts", () => {
  const started = (location: string) => respond(202, "", { location })
  const exported = (_: unknown, index: number) => respond(index < 12 ? 202 : 200, { pages: 40 })
  const script = [
    started("/v1/reports/1"),
    respond(200, { status: "running" }),
    respond(200, { status: "done", pages: 12 }),
    started("exports/1"),
    ...Array.from({ length: 13 }, exported),
    started("/v1/deployments/1"),
    respond(200, { phase: "build", pages: 0 }),
    respond(200, { phase: "live", pages: 0 })
  ]

  it.effect("waits for operations, continues, and reads other statuses", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(Effect.provide(Operations.program, Operations.ApiLive)))
      yield* TestClock.adjust("5 minutes")
      expectShown("operation.ts", yield* Fiber.join(fiber))
      expect(yield* sent).toHaveLength(script.length)
    }).pipe(Effect.provide(MockClient.layer(script)))
  )
})

describe("post-json.ts", () => {
  const order = '{"id":9007199254740993,"item":"pen","due":"2026-12-24T18:00:00.000Z"}'
  const json = { "content-type": "application/json" }
  const script = [
    respond(503),
    respond(201, order, json),
    respond(422, { code: "sold-out", field: "item" }),
    respond(200, {}),
    respond(200, {}),
    respond(204)
  ]

  it.effect("encodes and decodes JSON, types error bodies, and retries a POST with its key", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(Effect.provide(PostJson.program, PostJson.ApiLive)))
      yield* TestClock.adjust("1 second")
      expectShown("post-json.ts", yield* Fiber.join(fiber))
      const requests = yield* sent
      expect(
        requests.map(({ body, method, url }) => [method, url.replace("https://api.example.com", ""), body])
      ).toEqual([
        ["POST", "/orders", '{"item":"pen","due":"2026-12-24T18:00:00.000Z"}'],
        ["POST", "/orders", '{"item":"pen","due":"2026-12-24T18:00:00.000Z"}'],
        ["POST", "/orders", '{"item":"pen","due":"2026-12-24T18:00:00.000Z"}'],
        ["PUT", "/orders/9007199254740993", '{"item":"pen","due":"2026-12-24"}'],
        ["PATCH", "/orders/9007199254740993", '{"item":"pencil"}'],
        ["DELETE", "/orders/9007199254740993", undefined]
      ])
      const keys = requests.map(({ headers }) => headers["idempotency-key"])
      expect(keys[0]).toBe(keys[1])
      expect(new Set(keys).size).toBe(4)
      expect(requests[4]?.headers["content-type"]).toBe("application/merge-patch+json")
    }).pipe(Effect.provide(MockClient.layer(script)))
  )
})

describe("forms.ts", () => {
  it.effect("sends each body with its content type", () =>
    printed(Forms.program).pipe(
      Effect.map((output) => expectShown("forms.ts", output)),
      Effect.provide(Forms.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("limits.ts", () => {
  it.effect("sends ten requests a second to one origin, of two APIs", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(Limits.program))
      yield* TestClock.adjust("10 seconds")
      expectShown("limits.ts", yield* Fiber.join(fiber))
    }).pipe(Effect.provide(Limits.ApisLive), Effect.provide(MockClient.layer(() => respond(200, {}))))
  )

  it.effect("opens the circuit after five failures", () =>
    Effect.gen(function* () {
      const output = yield* printed(Limits.outage)
      expect(output.split("\n")).toEqual([...Array<string>(5).fill("Unavailable"), "CircuitOpen"])
      expect((yield* sent).length).toBe(5)
    }).pipe(Effect.provide(Limits.ApisLive), Effect.provide(MockClient.layer(() => respond(500))))
  )
})

describe("call-options.ts", () => {
  it.effect("prints what the server received", () =>
    printed(CallOptions.program).pipe(
      Effect.map((output) => expectShown("call-options.ts", output)),
      Effect.provide(CallOptions.ApiLive),
      Effect.provide(HttpBin.layerMemory)
    )
  )
})

describe("transport.ts", () => {
  /** A server on a Unix socket. Returns its path. */
  const socket = Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "countersign-socket-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true }))
    )
    const path = join(folder, "docker.sock")
    const server = createServer(({ headers, url }, response) => {
      response.setHeader("content-type", "application/json").end(JSON.stringify({ url, host: headers.host }))
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(path, () => resume(Effect.void))),
      () => Effect.sync(() => void server.close())
    )
    return path
  })

  it.scopedLive("sends requests to a Unix socket", () =>
    Effect.gen(function* () {
      const path = yield* socket
      expectShown("transport.ts", yield* Effect.provide(printed(Transport.program), Transport.dockerAt(path)))
    })
  )

  it.live.each([
    { name: "PrivateAuthority", transport: Transport.PrivateAuthority, reason: "Tls", detail: "tls.ca" },
    { name: "ClientCertificate", transport: Transport.ClientCertificate, reason: "Tls", detail: "tls.ca" },
    { name: "NoPrivate", transport: Transport.NoPrivate, reason: "AddressBlocked", detail: "allowAddress" },
    { name: "Http2", transport: Transport.Http2, reason: "ConnectionRefused", detail: "refused" },
    { name: "Strict", transport: Transport.Strict, reason: "ConnectionRefused", detail: "refused" }
  ])("reports $reason with the transport $name", ({ detail, reason, transport }) =>
    Effect.gen(function* () {
      const client = yield* ApiClient.make({ baseUrl: "https://127.0.0.1:9", auth: Auth.none, retry: false })
      const error = yield* Effect.flip(client.get("/"))
      expect(error).toMatchObject({ _tag: "TransportError", reason })
      expect(error.message).toContain(detail)
    }).pipe(Effect.provide(transport), config({ CA: "no PEM", CERT: "no PEM", KEY: "no PEM" }))
  )
})
