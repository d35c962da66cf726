/** Programs as one module, for runtimes without modules of npm: browsers and workers. */
import { build } from "esbuild"

/**
 * Bundles a program with the packages that it imports.
 *
 * @param external - modules of the runtime.
 */
export const bundle = async (file: string, external: ReadonlyArray<string> = []): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    external: [...external],
    conditions: ["workerd", "worker", "browser"],
    platform: "browser",
    format: "esm",
    target: "es2022",
    logLevel: "error"
  })
  return outputFiles.map(({ text }) => text).join("")
}
