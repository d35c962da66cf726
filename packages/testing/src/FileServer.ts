/**
 * Embedded file server for tests of downloads: ranges, files that change, connections that break, and headers that lie. It
 * requires Node.
 *
 * @since 0.1.0
 */
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Identity } from "./internal/fileServer/listen.js"
import { listen, send } from "./internal/fileServer/listen.js"
import type * as Served from "./internal/fileServer/served.js"
import { answerOf } from "./internal/fileServer/served.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * A file: its content and its header fields.
 *
 * @since 0.1.0
 * @category models
 */
export type File = Served.File

/**
 * What is wrong with one response. Several members combine.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Served.Fault

/**
 * One request as the server received it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  /** Method of the request. */
  readonly method: string
  /** Path with query. */
  readonly path: string
  /** Header fields, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Options of a server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Certificate and key in PEM. With them the server offers HTTP/2 and HTTP/1.1 over TLS, otherwise HTTP/1.1 only. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

const names: OptionNames.ShapeOf<Options> = { tls: { cert: true, key: true } }

/**
 * A running server, which listens on a port of the loopback interface.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** URL of the server, without a trailing slash. */
  readonly baseUrl: string
  /** Serves a file at a path, such as `/report.csv`, or replaces it. Other paths have the status 404. */
  readonly set: (path: string, file: File) => Effect.Effect<void>
  /** Adds faults for the next requests of a path: one for each request. The fault `{}` changes nothing. */
  readonly fail: (path: string, ...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  /** All requests, in order. */
  readonly requests: Effect.Effect<ReadonlyArray<Received>>
}

/**
 * Tag of a running file server.
 *
 * @since 0.1.0
 * @category services
 */
export class FileServer extends Context.Tag("@countersign/testing/FileServer")<FileServer, Service>() {}

const fieldsOf = (headers: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))

/**
 * Starts a file server, which runs until the scope closes. It answers `Range` and `If-Range`
 * ([RFC 9110 §14](https://www.rfc-editor.org/rfc/rfc9110#section-14)) with one range.
 *
 * Fails with `ServeError` when no port is available.
 *
 * @param options - the certificate of a server over TLS.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const { tls } = OptionNames.known("`FileServer`", options, names)
    const files = new Map<string, File>()
    const faults = new Map<string, Array<Fault>>()
    const received: Array<Received> = []
    const port = yield* Effect.mapError(
      listen(
        (request, response) => {
          const { headers, method = "", url: path = "" } = request
          received.push({ method, path, headers: fieldsOf(headers) })
          const name = path.split("?", 1)[0] ?? ""
          const fault = faults.get(name)?.shift()
          send(response, answerOf(files.get(name), headers, fault), fault)
        },
        tls satisfies Identity | undefined
      ),
      (cause) => new HttpServerError.ServeError({ cause })
    )
    return {
      baseUrl: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
      set: (path, file) => Effect.sync(() => void files.set(path, file)),
      fail: (path, ...added) => Effect.sync(() => void faults.set(path, [...(faults.get(path) ?? []), ...added])),
      requests: Effect.sync(() => [...received])
    }
  })

/**
 * Layer with a running file server, see {@link make}.
 *
 * @example
 * import * as FileServer from "@countersign/testing/FileServer"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function* () {
 *   const server = yield* FileServer.FileServer
 *   yield* server.set("/report.csv", { content: "a,b\n1,2\n" })
 *   // The first response breaks off after three bytes, the second one is right.
 *   yield* server.fail("/report.csv", { cutAfter: 3 })
 * }).pipe(Effect.provide(FileServer.layer))
 *
 * @param options - the certificate of a server over TLS.
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<FileServer, HttpServerError.ServeError> =>
  Layer.scoped(FileServer, make(options))

/**
 * Layer with a running file server over HTTP/1.1. One application builds it once; each {@link layerWith} makes a separate
 * server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<FileServer, HttpServerError.ServeError> = layerWith({})
