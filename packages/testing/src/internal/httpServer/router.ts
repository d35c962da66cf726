import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpMethod from "@effect/platform/HttpMethod"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type { UnreadableBody } from "./requestReader.js"
import { empty, text } from "./responses.js"

type Answer = Effect.Effect<HttpServerResponse.HttpServerResponse, UnreadableBody, HttpServerRequest.HttpServerRequest>

/** Handles a request. `params` are the decoded path parameters. */
export type Handler = (
  request: HttpServerRequest.HttpServerRequest,
  params: Readonly<Record<string, string | undefined>>
) => Answer

/** A path with its methods and handler. */
export interface Row {
  readonly methods: ReadonlyArray<HttpMethod.HttpMethod>
  readonly path: HttpRouter.PathInput
  readonly handler: Handler
}

export const get = (path: HttpRouter.PathInput, handler: Handler): Row => ({ methods: ["GET"], path, handler })

export const post = (path: HttpRouter.PathInput, handler: Handler): Row => ({ methods: ["POST"], path, handler })

const run = (handler: Handler): HttpApp.Default<UnreadableBody, HttpRouter.RouteContext> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    Effect.flatMap(HttpRouter.RouteContext, ({ params }) => handler(request, params))
  )

const allowed = (rows: ReadonlyArray<Row>, path: string): string => {
  const methods = rows.filter((row) => row.path === path).flatMap((row) => row.methods)
  return ["OPTIONS", ...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ")
}

/** Responds 405 to other methods of known paths. */
const otherMethods = (rows: ReadonlyArray<Row>): HttpRouter.HttpRouter =>
  HttpRouter.fromIterable(
    [...new Set(rows.map((row) => row.path))].map((path) =>
      HttpRouter.makeRoute("*", path, Effect.succeed(empty(405, { allow: allowed(rows, path) })))
    )
  )

/**
 * An app that always responds: 404 for an unknown path, 405 for an unknown method, 413 for a body beyond the limit.
 */
export const toApp = (rows: ReadonlyArray<Row>): HttpApp.Default =>
  HttpRouter.fromIterable(
    rows.flatMap(({ handler, methods, path }) =>
      methods.map((method) => HttpRouter.makeRoute(method, path, run(handler)))
    )
  ).pipe(
    Effect.catchTags({
      RouteNotFound: () => otherMethods(rows),
      UnreadableBody: ({ tooLarge }) =>
        Effect.succeed(tooLarge ? text(413, "The body is longer than 64 KiB") : text(400, "The body is incomplete"))
    }),
    Effect.catchTag("RouteNotFound", () => Effect.succeed(text(404, "Not Found")))
  )
