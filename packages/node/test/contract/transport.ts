import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { TestServer } from "../support/server.js"
import { serve } from "../support/server.js"

/** Where the transports at hand do not agree. Each is what one that keeps nothing from its callers would say. */
interface Differences {
  /** The path that a server sees of `/p?q=1#fragment`. */
  readonly fragmentOnWire: string
  /** The path that a server sees of `/p?x=(1)&y` with the parameter `z`: appended to, or written anew. */
  readonly parametersOnWire: "/p?x=(1)&y&z=2" | "/p?x=%281%29&y=&z=2"
  /** A stream of a body that is empty: no pieces, or an error with the reason `EmptyBody`. */
  readonly emptyStream: "empty" | "EmptyBody"
  /** The text of a body whose stream was read before. */
  readonly textAfterStream: "Decode" | "empty"
  /** The bytes of a body whose text was read before. */
  readonly bytesAfterText: "kept" | "Decode"
  /** What a server gets for `accept-encoding` where the caller sets none. */
  readonly acceptEncoding: string | undefined
  /** Whether a body that was asked for without a coding comes inflated. */
  readonly inflates: boolean
  /** The second of two readers at once, when the first is interrupted. */
  readonly secondReader: "reads" | "interrupted"
  /** Whether the body of a GET is sent. */
  readonly getBody: "sent" | "RequestError"
  /** What a URL that is neither http nor https fails with. */
  readonly otherScheme: "InvalidUrl" | "Transport" | "none"
  /** The value of an answer's field with the byte E4 in it. */
  readonly latin1: string
  /** A 304 that gives the length of the body which it does not have. */
  readonly lengthOf304: "empty" | "Decode"
  /** Whether a form can be sent. */
  readonly formSent: boolean
  /** Whether a form can be read. */
  readonly formRead: boolean
  /** The framing of a body whose length is not known. */
  readonly streamFraming: "chunked" | undefined
}

/** What the contract is run over. */
export interface Transport {
  readonly name: string
  /** A client whose connections, `connections` at most where it knows how to bound them, end with the scope. */
  readonly make: (connections?: number) => Effect.Effect<HttpClient.HttpClient, never, Scope.Scope>
  readonly boundsConnections: boolean
  /** The server that the transport is tried against; one of HTTP/1.1 when left out. */
  readonly serve?: typeof serve
  readonly differs: Differences
}

/** One exchange with a server that answers as it is told, and what `read` makes of the answer. */
export const exchanging =
  ({ make, serve: start = serve }: Transport) =>
  <A, E>(
    listener: (request: IncomingMessage, response: ServerResponse) => void,
    read: (client: HttpClient.HttpClient, server: TestServer) => Effect.Effect<A, E, Scope.Scope>
  ): Effect.Effect<A, E> =>
    Effect.scoped(Effect.flatMap(start(listener), (server) => Effect.flatMap(make(), (client) => read(client, server))))

/** What an effect comes to. */
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
