import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { TestServer } from "../support/server.js"
import { serve } from "../support/server.js"

/** Behaviour in which the transports differ. The comment of each member describes the case. */
interface Differences {
  /** The path that a server receives for `/p?q=1#fragment`. */
  readonly fragmentOnWire: string
  /** The path that a server receives for `/p?x=(1)&y` with the parameter `z`: appended, or with a rewritten query. */
  readonly parametersOnWire: "/p?x=(1)&y&z=2" | "/p?x=%281%29&y=&z=2"
  /** The stream of an empty body: no chunks, or an error with the reason `EmptyBody`. */
  readonly emptyStream: "empty" | "EmptyBody"
  /** The text of a body, after its stream was read. */
  readonly textAfterStream: "Decode" | "empty"
  /** The bytes of a body, after its text was read. */
  readonly bytesAfterText: "kept" | "Decode"
  /** The `accept-encoding` that a server receives if the caller sets none. */
  readonly acceptEncoding: string | undefined
  /** Whether a coded body is decoded although the caller requested no coding. */
  readonly inflates: boolean
  /** The second of two concurrent readers, after the first is interrupted. */
  readonly secondReader: "reads" | "interrupted"
  /** Whether the body of a GET is sent. */
  readonly getBody: "sent" | "RequestError"
  /** The reason of the error for a URL that is neither http nor https. */
  readonly otherScheme: "InvalidUrl" | "Transport" | "none"
  /** The value of a response header field that contains the byte E4. */
  readonly latin1: string
  /** A 304 with a content-length, although it has no body. */
  readonly lengthOf304: "empty" | "Decode"
  /** Whether a form can be sent. */
  readonly formSent: boolean
  /** Whether a form can be read. */
  readonly formRead: boolean
  /** The framing of a body of unknown length. */
  readonly streamFraming: "chunked" | undefined
}

/** A transport that the contract tests. */
export interface Transport {
  readonly name: string
  /** A client. Its connections end with the scope. It opens at most `connections` if it can limit them. */
  readonly make: (connections?: number) => Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>
  readonly boundsConnections: boolean
  /** Starts the server of the tests. HTTP/1.1 if left out. */
  readonly serve?: typeof serve
  readonly differs: Differences
}

/** Sends requests with a new client to a new server, and returns the result of `read`. */
export const makeExchange =
  ({ make, serve: start = serve }: Transport) =>
  <A, E>(
    listener: (request: IncomingMessage, response: ServerResponse) => void,
    read: (client: HttpClient.HttpClient, server: TestServer) => Effect.Effect<A, E, Scope.Scope>
  ): Effect.Effect<A, E> =>
    Effect.scoped(Effect.flatMap(start(listener), (server) => Effect.flatMap(make(), (client) => read(client, server))))

/** The result of an effect. */
export const either = <A>(
  effect: Effect.Effect<A, HttpClientError>
): Effect.Effect<Either.Either<A, HttpClientError>> => Effect.either(effect)

/** The tag and the reason of a failure. */
export const failure = (result: Either.Either<unknown, HttpClientError>): readonly [string, string] | "none" =>
  Either.isLeft(result) ? [result.left._tag, result.left.reason] : "none"

/** A form with a field and a file. */
export const form = (): FormData => {
  const data = new FormData()
  data.append("name", "value ü")
  data.append("file", new Blob(["content"], { type: "text/plain" }), "a.txt")
  return data
}
