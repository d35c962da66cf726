/** Programs that import namespaces from the root modules of the packages, and their size with Rollup. */
import { transform } from "esbuild"
import { join } from "node:path"
import { pathToFileURL, fileURLToPath } from "node:url"
import { brotliCompressSync } from "node:zlib"
import { rollup, type Plugin } from "rollup"

/** The same program with namespaces: `import { Retry } from "@countersign/client"`. */
export const fromRoots = (program: string): string => {
  const roots = new Map<string, ReadonlyArray<string>>()
  const imported = /^ *import \* as (\w+) from "(@countersign\/\w+)\/\w+"\n/gm
  const rest = program.replace(imported, (_, name: string, root: string) => {
    roots.set(root, [...(roots.get(root) ?? []), name])
    return ""
  })
  const imports = Array.from(roots, ([root, names]) => `import { ${names.join(", ")} } from "${root}"`)
  return [...imports, rest].join("\n")
}

const entry = "program.js"

/** Resolves the program, and the packages in a staged folder. Everything else is external. */
const resolver = (staged: string, program: string): Plugin => ({
  name: "staged packages",
  load: (id) => (id === entry ? program : undefined),
  resolveId: (id, from) => {
    if (from === undefined) return id
    const [, name, module = "index"] = /^@countersign\/(\w+)(?:\/(.+))?$/.exec(id) ?? []
    const own = name && join(staged, "node_modules/@countersign", name, "dist", `${module}.js`)
    const relative = id.startsWith(".") ? fileURLToPath(new URL(id, pathToFileURL(from))) : undefined
    const path = own ?? relative
    return { id: path ?? id, external: path === undefined, moduleSideEffects: false }
  }
})

/** The minified and compressed size of a program that Rollup bundles, in bytes. Effect and dependencies are external. */
export const rolledUp = async (staged: string, program: string): Promise<number> => {
  const bundle = await rollup({ input: entry, plugins: [resolver(staged, program)], logLevel: "silent" })
  const { output } = await bundle.generate({ format: "es" })
  const { code } = await transform(output[0].code, { minify: true, target: "es2022" })
  return brotliCompressSync(code).length
}
