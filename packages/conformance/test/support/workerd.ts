/** The workers of the tests, in `workerd`. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import { bundle } from "../../src/runtimes/Bundle.js"
import * as Workerd from "../../src/Workerd.js"

const bundles = new Map<string, Promise<string>>()

const fileOf = (name: string): string => fileURLToPath(new URL(`../workers/${name}.ts`, import.meta.url))

/** The worker `workers/<name>.ts` and the packages that it imports, as one module. It is built once. */
const bundleOf = (name: string): Promise<string> => {
  const made = bundles.get(name) ?? bundle(fileOf(name), ["cloudflare:workers"])
  bundles.set(name, made)
  return made
}

/** Serves a worker of `workers` from one isolate, and gives its URL. The process ends with the scope. */
export const serve = (
  name: string,
  bindings: Readonly<Record<string, string>>
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.flatMap(
    Effect.promise(() => bundleOf(name)),
    (script) => Workerd.serve(script, bindings)
  )
