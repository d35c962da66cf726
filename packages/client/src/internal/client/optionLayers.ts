/** The Layers in the options of a client. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AnyOptions } from "./options.js"

type AnyLayer = Layer.Layer<never, unknown, unknown>

/** Whether an option is a Layer. Its type says of which service, which `Layer.isLayer` would forget. */
export const isLayer = <Option>(option: Option): option is Extract<Option, AnyLayer> => Layer.isLayer(option)

/** Builds the Layer of an option, or finds the service of a Layer that is provided already. */
export type Build = <Id>(
  layer: Layer.Layer<Id, unknown, unknown>
) => Effect.Effect<Context.Context<Id>, unknown, unknown>

/** Finds the service of a Layer in the context, where {@link layersOf} has provided it. */
export const provided: Build = <Id>(): Effect.Effect<Context.Context<Id>, never, Id> => Effect.context<Id>()

/**
 * One Layer with all services that the options give as Layers.
 *
 * @param auth - the Layer of the credentials, for this API alone.
 */
export const layersOf = (options: AnyOptions, auth: AnyLayer | undefined): Layer.Layer<never> => {
  const { circuitBreaker, concurrency, cookies, rateLimit } = options
  const given: ReadonlyArray<AnyLayer> = [auth, cookies, rateLimit, circuitBreaker, concurrency].filter(isLayer)
  // What the Layers provide and require is in the types of the options only.
  return given.reduce((merged, layer) => Layer.merge(merged, layer), Layer.empty as AnyLayer) as Layer.Layer<never>
}
