/** The server as a transport. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { OriginServer, Reply } from "./originServer.js"

/** Lets other fibers run. */
export const turns = (count: number): Effect.Effect<void> => Effect.repeatN(Effect.yieldNow(), count)

const broken = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })

const responseOf = (request: HttpClientRequest.HttpClientRequest, { body, headers, status }: Reply) =>
  HttpClientResponse.fromWeb(request, new Response([204, 304].includes(status) ? null : body, { status, headers }))

/** A transport to the server, which decides at once, and answers after a few turns. */
export const transportOf = (server: OriginServer): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.suspend(() => {
      const { headers, method } = request
      const reply = server.reply({
        method,
        url,
        account: headers["authorization"] ?? "",
        language: headers["accept-language"] ?? "",
        ifNoneMatch: headers["if-none-match"]
      })
      return Effect.zipRight(
        turns(server.count % 4),
        reply === undefined
          ? Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: broken }))
          : Effect.succeed(responseOf(request, reply))
      )
    })
  )
