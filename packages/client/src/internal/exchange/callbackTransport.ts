/**
 * Asking a client without an effect. Each step of Effect's interpreter costs, and each frame of its stack is held as
 * long as the exchange lasts; between the exchange's bound and the wire there is nothing that needs them.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** See `Transport.Direct`. */
export type Direct<E> = (
  request: HttpClientRequest,
  answered: (outcome: Effect.Effect<HttpClientResponse, E>) => void
) => (() => void) | undefined

/** The property under which a client has it. */
const direct: unique symbol = Symbol.for("@countersign/client/Transport/direct")

/** Gives a client a way to be asked directly, if there is one. */
export const withDirect = <C extends object, E>(client: C, send: Direct<E> | undefined): C =>
  send === undefined ? client : Object.assign(client, { [direct]: send })

/** How a client can be asked directly. It has the client's own errors. */
export const directOf = <E, R>(client: HttpClient.HttpClient.With<E, R>): Direct<E> | undefined =>
  // Only `withDirect` sets it, next to the `execute` that fails with the same.
  direct in client ? (client[direct] as Direct<E>) : undefined

/** Whether an outcome is all that comes of a request, and nothing is still to be run. */
export const isOver = <A, E>(outcome: Effect.Effect<A, E>): outcome is Exit.Exit<A, E> => Exit.isExit(outcome)
