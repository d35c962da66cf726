import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Request from "../httpServer/requestReader.js"
import { json } from "../httpServer/responses.js"
import type { Handler, Row } from "../httpServer/router.js"
import type { Settings, State } from "./state.js"

/** Allowed difference between the timestamp and the server's clock. */
const windowMs = 5 * 60 * 1000

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

const sha256 = async (bytes: Uint8Array): Promise<string> =>
  Encoding.encodeHex(new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", new Uint8Array(bytes))))

const hmac = async (secret: string, text: string): Promise<string> => {
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const key = await globalThis.crypto.subtle.importKey("raw", utf8(secret), algorithm, false, ["sign"])
  return Encoding.encodeHex(new Uint8Array(await globalThis.crypto.subtle.sign("HMAC", key, utf8(text))))
}

/** The signed message, by lines: method, path with query, timestamp, nonce (or nothing), and digest of the body. */
const canonical = async (request: HttpServerRequest.HttpServerRequest, body: Uint8Array): Promise<string> =>
  [
    request.method,
    request.url,
    request.headers["x-timestamp"] ?? "",
    request.headers["x-nonce"] ?? "",
    await sha256(body)
  ].join("\n")

const refuse = (reason: string) =>
  json({ authenticated: false, reason }, { status: 401, headers: { "www-authenticate": "Signature" } })

const verdict = (state: State, request: HttpServerRequest.HttpServerRequest, now: number): string | undefined => {
  const timestamp = request.headers["x-timestamp"] ?? ""
  if (timestamp === "" || !(Math.abs(Number(timestamp) * 1000 - now) <= windowMs)) return "timestamp"
  return state.nonces.has(request.headers["x-nonce"] ?? "") ? "nonce" : undefined
}

const signed =
  (state: State, settings: Settings): Handler =>
  (request) =>
    Effect.gen(function* () {
      const secret = settings.signingKeys.get(request.headers["x-api-key"] ?? "")
      if (secret === undefined) return yield* refuse("key")
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const reason = verdict(state, request, now)
      if (reason !== undefined) return yield* refuse(reason)
      const body = request.method === "GET" ? new Uint8Array() : yield* Request.body
      const expected = yield* Effect.promise(async () => hmac(secret, await canonical(request, body)))
      if (request.headers["x-signature"] !== expected) return yield* refuse("signature")
      const nonce = request.headers["x-nonce"]
      if (nonce !== undefined) state.nonces.add(nonce)
      return yield* json({ authenticated: true })
    })

export const routes = (state: State, settings: Settings): ReadonlyArray<Row> => [
  { methods: ["GET", "POST", "PUT", "PATCH", "DELETE"], path: "/countersign/signed", handler: signed(state, settings) }
]
