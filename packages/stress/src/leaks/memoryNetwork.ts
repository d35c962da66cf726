/** A network without sockets, with any host and any port. Requests are recorded as HTTP/1.1. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { Answer } from "./fakeServers.js"
import { FakeServers } from "./fakeServers.js"
import type { Network } from "./network.js"

const ports: Readonly<Record<"http" | "https", Readonly<Record<"first" | "longer" | "other", number | undefined>>>> = {
  http: { first: 808, longer: 8080, other: 9080 },
  https: { first: undefined, longer: 4430, other: 9443 }
}

const textOf = ({ body, headers, method }: HttpClientRequest, { host, pathname, search }: URL): string => {
  const fields = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const sent = body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""
  return `${method} ${pathname}${search} HTTP/1.1\r\n${fields.join("")}\r\n${sent}`
}

const withoutBody: ReadonlySet<number> = new Set([204, 304])

const responseOf = (request: HttpClientRequest, answer: Answer) => {
  if (answer === "cut") {
    const cause = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })
    return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
  }
  const { body, headers, status } = answer
  const hasBody = request.method !== "HEAD" && !withoutBody.has(status)
  const response = new Response(hasBody ? body : null, { status, headers })
  return Effect.succeed(HttpClientResponse.fromWeb(request, response))
}

/** Makes a network in memory. */
export const make = (): Network => {
  const servers = new FakeServers()
  const transport = HttpClient.make((request, url) =>
    Effect.suspend(() => responseOf(request, servers.take({ origin: url.origin, text: textOf(request, url) })))
  )
  return {
    transport,
    servers,
    isReal: false,
    portOf: (server, scheme, wanted) => {
      if (server === "c") return 7000
      return ports[scheme][server === "a" || wanted === "same" ? "first" : wanted]
    }
  }
}
