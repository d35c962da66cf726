/** The clients that the hostile server is tested with. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Limits of the client under test, in milliseconds and bytes. */
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

const unlimited: Parameters<typeof make> = [
  { maxBodySize: Number.MAX_SAFE_INTEGER, timeout: { call: false, exchange: false } },
  { headersTimeout: "1 hour", bodyTimeout: "1 hour", maxHeaderSize: 64 * 1024 * 1024 }
]

/** Our client with short limits of time and size, and without limits. `leaky` also leaves a timer and a fiber behind. */
export const clientsUnderTest = {
  ours: make({ maxBodySize: bounds.maxBodySize, timeout: { call: bounds.call, exchange: bounds.exchange } }, {}),
  unlimited: make(...unlimited),
  leaky: (baseUrl: string) =>
    make(...unlimited)(baseUrl).pipe(
      Effect.tap(() => Effect.forkDaemon(Effect.never)),
      Effect.tap(() => Effect.sync(() => setInterval(() => undefined, 1000)))
    )
} satisfies Readonly<Record<string, Make>>

/** Name of a client. */
export type ClientUnderTest = keyof typeof clientsUnderTest
