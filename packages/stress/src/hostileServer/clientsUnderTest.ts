/** The clients that are attacked. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The bounds of the client under attack, in milliseconds and bytes. */
export const bounds = { call: 2000, exchange: 1000, maxBodySize: 1024 * 1024 } as const

type Make = (baseUrl: string) => Effect.Effect<ApiClient.ApiClient, unknown, Scope.Scope>

const make = (options: Pick<ApiClient.Options, "maxBodySize" | "timeout">, transport: NodeTransport.Options): Make => {
  return (baseUrl) =>
    Effect.provideServiceEffect(
      ApiClient.make({ ...options, baseUrl, auth: Auth.none }),
      HttpClient.HttpClient,
      NodeTransport.make(transport)
    )
}

const boundless: Parameters<typeof make> = [
  { maxBodySize: Number.MAX_SAFE_INTEGER, timeout: { call: false, exchange: false } },
  { headersTimeout: "1 hour", bodyTimeout: "1 hour", maxHeaderSize: 64 * 1024 * 1024 }
]

/** Ours with short bounds in time and size, and the same without any; `leaky` cleans up after nobody, itself included. */
export const clientsUnderTest = {
  ours: make({ maxBodySize: bounds.maxBodySize, timeout: { call: bounds.call, exchange: bounds.exchange } }, {}),
  boundless: make(...boundless),
  leaky: (baseUrl: string) =>
    make(...boundless)(baseUrl).pipe(
      Effect.tap(() => Effect.forkDaemon(Effect.never)),
      Effect.tap(() => Effect.sync(() => setInterval(() => undefined, 1000)))
    )
} satisfies Readonly<Record<string, Make>>

/** The name of a client. */
export type ClientUnderTest = keyof typeof clientsUnderTest
