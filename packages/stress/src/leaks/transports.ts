/** Transports over real sockets, with the certificate authority of the run. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Undici from "undici/index.js"

type Make = (ca: string) => Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>

const agent = (ca: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Undici.Agent({ connect: { ca } })),
    (one) => Effect.promise(() => one.destroy())
  )

const fetchWith = (dispatcher: Undici.Dispatcher): typeof globalThis.fetch => {
  // `fetch` of the installed undici, which the agent belongs to. Node has another copy, with the same types.
  const fetch = Undici.fetch as unknown as typeof globalThis.fetch
  // `dispatcher` is an option of undici that the DOM types lack.
  return (input, init) => fetch(input, { ...init, dispatcher } as RequestInit)
}

/** Transports by name. */
export const transports: Readonly<Record<string, Make>> = {
  NodeTransport: (ca) => NodeTransport.make({ tls: { ca } }),
  undici: (ca) => Effect.map(agent(ca), (dispatcher) => NodeHttpClient.makeUndici(dispatcher)),
  "node:http": (ca) =>
    Effect.flatMap(NodeHttpClient.makeAgent({ ca, keepAlive: true }), (own) =>
      Effect.provideService(NodeHttpClient.make, NodeHttpClient.HttpAgent, own)
    ),
  fetch: (ca) =>
    Effect.flatMap(agent(ca), (dispatcher) =>
      HttpClient.HttpClient.pipe(
        Effect.provide(FetchHttpClient.layer),
        Effect.map((client) =>
          HttpClient.transform(client, (send) =>
            Effect.provideService(send, FetchHttpClient.Fetch, fetchWith(dispatcher))
          )
        )
      )
    )
}
