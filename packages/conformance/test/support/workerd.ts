/** The workers of the tests, in `workerd`. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { build } from "esbuild"
import { fileURLToPath } from "node:url"
import * as Workerd from "../../src/Workerd.js"

const bundles = new Map<string, Promise<string>>()

const bundle = async (name: string): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../workers/${name}.ts`, import.meta.url))],
    bundle: true,
    write: false,
    external: ["cloudflare:workers"],
    conditions: ["workerd", "worker", "browser"],
    platform: "browser",
    format: "esm",
    target: "es2022",
    logLevel: "error"
  })
  return outputFiles.map(({ text }) => text).join("")
}

/** The worker `workers/<name>.ts` and the packages that it imports, as one module. It is built once. */
const bundleOf = (name: string): Promise<string> => {
  const made = bundles.get(name) ?? bundle(name)
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
