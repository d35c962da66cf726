/** The ids of tags: each API needs one of its own. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { InvalidRequest } from "../../Errors.js"

/** The tag of each id, for all Layers that are built together. */
const tagsOf = new WeakMap<Layer.MemoMap, Map<string, object>>()

const takenId = (id: string): InvalidRequest =>
  new InvalidRequest({ reason: "Options", detail: `two tags have the id "${id}". Give each API an id of its own.` })

/**
 * To Effect, two tags with one id are one service: the calls of one API would go to the other. Rejects the second tag, until
 * the scope of the first one closes.
 */
export const claimTagId = (id: string, tag: object): Effect.Effect<void, InvalidRequest, Scope.Scope> =>
  Effect.contextWithEffect((context: Context.Context<Scope.Scope>) => {
    if (!context.unsafeMap.has(Layer.CurrentMemoMap.key)) return Effect.void
    const memoMap = Context.get(context, Layer.CurrentMemoMap)
    const tags = tagsOf.get(memoMap) ?? new Map<string, object>()
    tagsOf.set(memoMap, tags)
    const first = tags.get(id)
    if (first !== undefined) return first === tag ? Effect.void : Effect.fail(takenId(id))
    tags.set(id, tag)
    return Effect.addFinalizer(() => Effect.sync(() => tags.delete(id)))
  })
