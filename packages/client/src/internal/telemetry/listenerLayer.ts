import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Listener } from "./timeline.js"
import { addListener, observation } from "./timeline.js"

/**
 * Layer that adds a listener to the calls of all clients, until its scope ends. A FiberRef that was set in a merged Layer is not
 * always restored in the fiber that provided it, so the listener is also switched off.
 */
export const listenerLayer = (listener: Listener): Layer.Layer<never> =>
  Layer.scopedDiscard(
    Effect.suspend(() => {
      let isOpen = true
      const whileOpen: Listener = (event, source) => {
        if (isOpen) listener(event, source)
      }
      return Effect.zipRight(
        Effect.addFinalizer(() => Effect.sync(() => void (isOpen = false))),
        Effect.locallyScopedWith(observation, (outer) => addListener(outer, whileOpen))
      )
    })
  )
