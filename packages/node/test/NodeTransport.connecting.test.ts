/** Connections that cannot be opened: the error, and that it is reported once. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportError } from "@countersign/client/Errors"
import * as Timeline from "@countersign/client/Timeline"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { execFileSync, spawn } from "node:child_process"
import type { LookupAddress } from "node:dns"
import Dns from "node:dns"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import * as Net from "node:net"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { interleaveFamilies } from "../src/internal/connection/happyEyeballs.js"
import { certificates } from "./support/certificates.js"
import { listen, serve } from "./support/server.js"

const none = { ca: "", server: { cert: "", key: "" }, client: { cert: "", key: "" } }
const { ca, client, server: identity } = certificates ?? none
const over = (options: NodeTransport.Options) => Effect.provide(NodeTransport.layerWith(options))

/** The error of a POST by a client without retries. */
const postError = (baseUrl: string) =>
  Effect.flatMap(ApiClient.make({ baseUrl, auth: Auth.none, retry: false }), (api) => Effect.flip(api.post("/")))

const causeOf = (error: TransportError): unknown =>
  error.cause === undefined ? undefined : Redacted.value(error.cause)

describe.skipIf(certificates === undefined)("NodeTransport", () => {
  const https = Effect.suspend(() =>
    listen(
      createHttpsServer({ ...identity }, (_, response) => response.end("ok")),
      "https"
    )
  )
  const makeEncryptedKey = () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-key-"))
    try {
      writeFileSync(join(folder, "plain.key"), client.key)
      const args = ["pkcs8", "-topk8", "-in", "plain.key", "-passout", "pass:right"]
      return execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }).toString()
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

  const cases: Record<string, readonly [tls: () => Record<string, unknown>, detail: string, code: string | RegExp]> = {
    "a key of another certificate": [
      () => ({ cert: client.cert, key: Redacted.make(identity.key) }),
      "tls.key does not match tls.cert",
      "ERR_OSSL_X509_KEY_VALUES_MISMATCH"
    ],
    "a key that is not PEM": [
      () => ({ cert: client.cert, key: Redacted.make("no PEM") }),
      "tls.cert or tls.key is invalid. Use PEM for both",
      /^ERR_OSSL_/
    ],
    "a certificate that is not PEM": [
      () => ({ cert: "no PEM", key: Redacted.make(client.key) }),
      "tls.cert or tls.key is invalid. Use PEM for both",
      /^ERR_OSSL_/
    ],
    "a certificate without its key": [
      () => ({ cert: client.cert }),
      "tls.cert is set alone. Set both tls.cert and tls.key",
      "ERR_COUNTERSIGN_TLS"
    ],
    "an encrypted key without its passphrase": [
      () => ({ cert: client.cert, key: Redacted.make(makeEncryptedKey()) }),
      "tls.key is encrypted. Set tls.passphrase",
      /^ERR_/
    ],
    "an encrypted key with another passphrase": [
      () => ({ cert: client.cert, key: Redacted.make(makeEncryptedKey()), passphrase: Redacted.make("wrong") }),
      "tls.passphrase does not decrypt tls.key",
      /^ERR_OSSL_/
    ],
    "an authority that is not PEM": [
      () => ({ ca: "no PEM" }),
      "tls.ca has an invalid certificate. Use PEM",
      /^ERR_OSSL_/
    ],
    "a list in which one authority is broken": [
      () => ({ ca: [ca, broken] }),
      "tls.ca has an invalid certificate. Use PEM",
      /^ERR_OSSL_/
    ],
    "a text in which the second authority is broken": [
      () => ({ ca: ca + broken }),
      "tls.ca has an invalid certificate. Use PEM",
      /^ERR_OSSL_/
    ]
  }

  for (const [what, [material, detail, code]] of Object.entries(cases)) {
    it.live(`fails with Tls, names the option and opens no connection for ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* https
        const tlsOptions = material()
        const hasIdentity = "cert" in tlsOptions || "key" in tlsOptions
        // Built from parts, so TypeScript cannot see that each combination is allowed.
        const tls = (hasIdentity ? { ca, origins: [server.url], ...tlsOptions } : tlsOptions) as NodeTransport.Tls
        const error = yield* postError(server.url).pipe(over({ tls }))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "Tls", sent: "no", detail })
        expect((error as TransportError).code).toMatch(code)
        expect(error.message).not.toContain("certificate and the clock")
        expect(server.connections).toBe(0)
        const plain = yield* serve((_, response) => response.end("ok"))
        const text = Effect.flatMap(HttpClient.get(plain.url), (response) => response.text)
        expect(yield* text.pipe(over({ tls }))).toBe("ok")
      }).pipe(Effect.scoped)
    )
  }

  it.live("does not retry a request after invalid TLS options", () =>
    Effect.gen(function* () {
      const api = yield* ApiClient.make({ baseUrl: "https://127.0.0.1:1", auth: Auth.none })
      const { events } = yield* Timeline.record(Effect.flip(api.get("/")))
      const requests = events.filter(({ _tag }) => _tag.startsWith("Request"))
      expect(requests.map(({ _tag }) => _tag)).toEqual(["RequestSent", "RequestFailed"])
    }).pipe(over({ tls: { ca: "no PEM" } }))
  )

  it.live("trusts each authority of one PEM text and of a list", () =>
    Effect.gen(function* () {
      const { url } = yield* https
      for (const trusted of [identity.cert + ca, [identity.cert, ca]]) {
        const text = Effect.flatMap(HttpClient.get(url), (response) => response.text)
        expect(yield* text.pipe(over({ tls: { ca: trusted } }))).toBe("ok")
      }
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(process.platform === "win32")("NodeTransport", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-socket-"))
  const file = join(folder, "file")
  writeFileSync(file, "")
  const paths: Record<string, readonly [path: string, problem: string]> = {
    "does not exist": [join(folder, "none.sock"), "does not exist"],
    "is a file": [file, "does not accept connections"],
    "is too long": [join(folder, "x".repeat(120)), "is longer than"]
  }
  for (const [what, [path, problem]] of Object.entries(paths)) {
    it.live(`fails with ConnectionRefused, unsent, and names socketPath if the socket file ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* postError("http://daemon.test").pipe(over({ socketPath: path }))
        expect(error).toMatchObject({ _tag: "TransportError", reason: "ConnectionRefused", sent: "no" })
        expect(error.message).toContain(`socketPath "${path}" ${problem}`)
        expect((error as TransportError).code).toMatch(/^E[A-Z]+$/)
        expect(causeOf(error as TransportError)).toMatchObject({ syscall: "connect" })
      })
    )
  }
})

describe("NodeTransport", () => {
  it.live(
    "rejects the address of a name or a literal if allowAddress throws, and keeps the thrown error as the cause",
    () =>
      Effect.gen(function* () {
        const thrown = new Error("a rule that fails")
        const allowAddress = () => {
          throw thrown
        }
        for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
          const error = yield* postError(`http://${host}:9`).pipe(over({ allowAddress }))
          const code = "ERR_COUNTERSIGN_ADDRESS_BLOCKED"
          expect(error, host).toMatchObject({ _tag: "TransportError", reason: "AddressBlocked", sent: "no", code })
          expect(error.message).toContain("allowAddress threw")
          expect(causeOf(error as TransportError)).toBe(thrown)
        }
      })
  )
})

describe("NodeTransport", () => {
  const resolveTo = (addresses: ReadonlyArray<string>) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const found = addresses.map((address): LookupAddress => ({ address, family: Net.isIP(address) }))
        // The transport always requests all addresses.
        return vi
          .spyOn(Dns, "lookup")
          .mockImplementation(((_: string, __: object, done: (...a: Array<unknown>) => void) =>
            setImmediate(() => done(null, found))) as never)
      }),
      (stub) => Effect.sync(() => stub.mockRestore())
    )

  /**
   * A server in another process, which is stopped while its backlog is full. The system does not accept connections for it until
   * it continues.
   */
  const stoppedServerWith = (status: string) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const answer = `HTTP/1.1 ${status}\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok`
        const program = `require("node:net").createServer((socket) => {
        socket.on("error", () => undefined).on("data", () => socket.end("${answer}"))
      }).listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () { console.log(this.address().port) })`
        const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "ignore"] })
        const [line] = (await once(child.stdout, "data")) as [Buffer]
        const port = Number(line.toString())
        child.kill("SIGSTOP")
        const fillers = Array.from({ length: 4 }, () =>
          Net.connect({ port, host: "127.0.0.1" }).on("error", () => undefined)
        )
        await new Promise((resolve) => setTimeout(resolve, 200))
        const resume = () => {
          for (const filler of fillers) filler.destroy()
          child.kill("SIGCONT")
        }
        return { child, port, resume }
      }),
      ({ child, resume }) =>
        Effect.sync(() => {
          resume()
          child.kill("SIGKILL")
        })
    )
  const stoppedServer = stoppedServerWith("200 OK")

  it.live("connects to an address that accepts while other addresses of the name do not, over http and https", () =>
    Effect.gen(function* () {
      const servers = [
        yield* listen(
          createHttpServer((_, response) => response.end("ok")),
          "http"
        ),
        ...(certificates === undefined
          ? []
          : [
              yield* listen(
                createHttpsServer({ ...identity }, (_, response) => response.end("ok")),
                "https"
              )
            ])
      ]
      for (const { url } of servers) {
        const { port, protocol } = new URL(url)
        for (const addresses of [
          ["127.0.0.1"],
          ["::1", "127.0.0.1"],
          ["127.0.0.1", "::1"],
          ["192.0.2.1", "127.0.0.1"]
        ]) {
          const text = Effect.flatMap(HttpClient.get(`${protocol}//localhost:${port}`), (response) => response.text)
          const run = Effect.zipRight(resolveTo(addresses), text).pipe(Effect.scoped)
          expect(yield* run.pipe(over(protocol === "https:" ? { tls: { ca } } : {}))).toBe("ok")
        }
      }
    }).pipe(Effect.scoped)
  )

  it.live("fails with ConnectionRefused, unsent, if every address of a name refuses", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(serve(() => undefined))
      yield* resolveTo(["127.0.0.1", "::1"])
      const error = yield* postError(`http://many.test:${new URL(closed.url).port}`).pipe(over({}))
      const code = expect.stringMatching(/^E(CONNREFUSED|ADDRNOTAVAIL|AFNOSUPPORT)$/) as string
      expect(error).toMatchObject({ _tag: "TransportError", reason: "ConnectionRefused", sent: "no", code })
    }).pipe(Effect.scoped)
  )

  it.live("fails with NameNotResolved, unsent and at once, if a name has no address", () =>
    Effect.gen(function* () {
      yield* resolveTo([])
      for (const scheme of ["http", "https"]) {
        const [took, error] = yield* Effect.timed(postError(`${scheme}://many.test`).pipe(over({})))
        expect(error).toMatchObject({
          _tag: "TransportError",
          reason: "NameNotResolved",
          sent: "no",
          code: "ENOTFOUND"
        })
        expect(Duration.toMillis(took)).toBeLessThan(2000)
      }
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(process.platform !== "linux")(
    "connects to a slow address within connectTimeout although another address refuses",
    () =>
      Effect.gen(function* () {
        const { resume, port } = yield* stoppedServer
        yield* resolveTo(["127.0.0.1", "127.0.0.2"])
        const late = yield* Effect.fork(Effect.delay(Effect.sync(resume), "600 millis"))
        const api = yield* ApiClient.make({ baseUrl: `http://many.test:${port}`, auth: Auth.none, retry: false })
        expect((yield* api.post("/")).status).toBe(200)
        yield* Fiber.join(late)
      }).pipe(over({}), Effect.scoped)
  )

  it.live.skipIf(process.platform !== "linux")(
    "fails with ConnectTimeout, unsent, after connectTimeout if one address is silent and another refuses",
    () =>
      Effect.gen(function* () {
        const { port } = yield* stoppedServer
        for (const addresses of [
          ["127.0.0.1", "127.0.0.2"],
          ["127.0.0.2", "127.0.0.1"]
        ]) {
          const [took, error] = yield* Effect.zipRight(
            resolveTo(addresses),
            Effect.timed(postError(`http://many.test:${port}`))
          ).pipe(Effect.scoped, over({ connectTimeout: "700 millis" }))
          const code = "UND_ERR_CONNECT_TIMEOUT"
          expect(error).toMatchObject({ _tag: "TransportError", reason: "ConnectTimeout", sent: "no", code })
          expect(Duration.toMillis(took)).toBeGreaterThan(600)
        }
      }).pipe(Effect.scoped)
  )

  it.live.skipIf(process.platform !== "linux")("connects to a slow address of a proxy, also for a tunnel", () =>
    Effect.gen(function* () {
      for (const protocol of ["http:", "https:"]) {
        const { resume, port } = yield* stoppedServerWith("407 Proxy Authentication Required")
        yield* resolveTo(["127.0.0.1", "127.0.0.2"])
        const late = yield* Effect.fork(Effect.delay(Effect.sync(resume), "600 millis"))
        const error = yield* postError(`${protocol}//api.test`).pipe(
          Effect.provide(NodeTransport.layerWith({ proxy: `http://many.test:${port}` }))
        )
        expect(error, protocol).toMatchObject({ reason: "ProxyFailed", sent: "no", proxy: { status: 407 } })
        yield* Fiber.join(late)
      }
    }).pipe(Effect.scoped)
  )

  it("tries addresses of both families in turn and starts with the family of the first", () => {
    const of = (...addresses: ReadonlyArray<string>) =>
      interleaveFamilies(addresses.map((address) => ({ address, family: Net.isIP(address) }))).map(
        ({ address }) => address
      )
    expect(of("::1", "::2", "1.1.1.1", "::3", "2.2.2.2")).toEqual(["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"])
    expect(of("1.1.1.1", "2.2.2.2", "::1")).toEqual(["1.1.1.1", "::1", "2.2.2.2"])
    expect(of()).toEqual([])
  })
})
