/** Transports that send by callback, without an effect per request. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Effect from "effect/Effect"
import type { RequestLimits } from "../call/context.js"
import { globalState } from "../runtime/fiber.js"

/** See `Transport.CallbackSend`. */
export type CallbackSend = (
  request: HttpClientRequest,
  onOutcome: (outcome: Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>) => void,
  limits: RequestLimits | undefined
) => (() => void) | undefined

/** Two copies of this package share the entries. */
const sends: WeakMap<object, CallbackSend> = globalState("@countersign/client/callbackSends", () => new WeakMap())

/** Adds the callback form to a transport. */
export const withCallbackSend = <C extends object>(client: C, send: CallbackSend): C => {
  sends.set(client, send)
  return client
}

/** The callback form of a transport, if it has one. */
export const callbackSendOf = (client: object): CallbackSend | undefined => sends.get(client)

const untraced: WeakSet<object> = globalState("@countersign/client/untraced", () => new WeakSet())

/** Marks a transport that makes no spans. */
export const markUntraced = <C extends object>(client: C): C => {
  untraced.add(client)
  return client
}

/** Whether a transport makes no spans. */
export const isUntraced = (client: object): boolean => untraced.has(client)

const limited: WeakSet<object> = globalState("@countersign/client/limited", () => new WeakSet())

/** Marks a transport that enforces the limits of a request. */
export const markLimited = <C extends object>(client: C): C => {
  limited.add(client)
  return client
}

/** Whether a transport enforces the limits of a request. */
export const isLimited = (client: object): boolean => limited.has(client)
