/** Size and modules of the packages in a bundled application. */
import { build, type BuildOptions, type Metafile } from "esbuild"
import { brotliCompressSync, gzipSync } from "node:zlib"

/** A bundle: sizes in bytes, and its modules as paths from `node_modules`. */
export interface Bundle {
  readonly minified: number
  readonly gzip: number
  readonly brotli: number
  readonly modules: ReadonlyArray<string>
  /** Code that is loaded at its first use: minified size and modules. The other figures exclude it. */
  readonly later: { readonly minified: number; readonly modules: ReadonlyArray<string> }
}

/**
 * The smallest useful client: bearer token, retries, both timeouts, statuses as typed errors, bounded bodies and a base URL,
 * in a pipe over any transport.
 */
export const smallestClient = `
  import * as Bearer from "@countersign/auth/Bearer"
  import * as Auth from "@countersign/client/Auth"
  import * as RequestDefaults from "@countersign/client/RequestDefaults"
  import * as Retry from "@countersign/client/Retry"
  import * as Status from "@countersign/client/Status"
  import * as Timeout from "@countersign/client/Timeout"
  import * as Transport from "@countersign/client/Transport"
  export const client = (transport, baseUrl, token) =>
    Transport.fromHttpClient(transport).pipe(
      Transport.bufferBodies(1024 * 1024),
      Timeout.exchange("5 seconds"),
      Auth.policy({ auth: Bearer.make(token), origins: [baseUrl] }),
      Retry.policy(),
      Status.policy,
      Timeout.call("20 seconds"),
      RequestDefaults.policy({ baseUrl })
    )
`

/** An `ApiClient` with a bearer token: the whole pipeline with redirects, throttle, spans and verbs. */
export const wholeClient = `
  import * as Bearer from "@countersign/auth/Bearer"
  import * as ApiClient from "@countersign/client/ApiClient"
  export const client = (baseUrl, token) => ApiClient.make({ baseUrl, auth: Bearer.make(token) })
`

/** Packages that an application on Effect has anyway. */
const peers = ["effect", "@effect/platform"]

interface Linked {
  readonly imports: ReadonlyArray<{ readonly path: string; readonly kind: string }>
}

/** The static imports of a file, transitively, without dynamic imports. */
const atOnce = (from: string, files: Readonly<Record<string, Linked>>): ReadonlySet<string> => {
  const found = new Set([from])
  for (const path of found) {
    for (const one of files[path]?.imports ?? []) {
      if (one.kind !== "dynamic-import" && one.path in files) found.add(one.path)
    }
  }
  return found
}

const options = (staged: string, contents: string) =>
  ({
    stdin: { contents, resolveDir: staged },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    external: peers,
    absWorkingDir: staged,
    outdir: "bundle",
    write: false,
    metafile: true
  }) satisfies BuildOptions

const named = (path: string): string => path.replace(/^.*node_modules\//, "")

const modulesIn = ({ outputs }: Metafile, chunks: ReadonlyArray<string>): ReadonlyArray<string> =>
  chunks
    .flatMap((chunk) => Object.entries(outputs[chunk]?.inputs ?? {}))
    .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [named(path)] : []))
    .toSorted()

/**
 * Bundles and minifies some code.
 *
 * @param staged - the folder where the packages are installed.
 */
export const bundle = async (staged: string, code: string): Promise<Bundle> => {
  const { metafile, outputFiles } = await build({ ...options(staged, code), minify: true })
  const chunks = Object.keys(metafile.outputs)
  const entry = chunks.find((path) => metafile.outputs[path]?.entryPoint === "<stdin>") ?? ""
  const first = atOnce(entry, metafile.outputs)
  const now = chunks.filter((path) => first.has(path))
  const later = chunks.filter((path) => !first.has(path))
  const contents = outputFiles
    .filter(({ path }) => now.some((chunk) => path.endsWith(chunk)))
    .map((file) => file.contents)
  const whole = Buffer.concat(contents)
  return {
    minified: whole.length,
    gzip: gzipSync(whole, { level: 9 }).length,
    brotli: brotliCompressSync(whole).length,
    modules: modulesIn(metafile, now),
    later: {
      minified: later.reduce((sum, chunk) => sum + (metafile.outputs[chunk]?.bytes ?? 0), 0),
      modules: modulesIn(metafile, later)
    }
  }
}

/**
 * The modules that Node loads for an import, used or not, without the peer dependencies.
 *
 * @param staged - the folder where the packages are installed.
 */
export const loadedModules = async (staged: string, module: string): Promise<ReadonlyArray<string>> => {
  // `sideEffects` of a package is for bundlers. Node ignores it.
  const code = `import ${JSON.stringify(module)}`
  const { metafile } = await build({ ...options(staged, code), ignoreAnnotations: true })
  const all = atOnce("<stdin>", metafile.inputs)
  return [...all]
    .filter((path) => path !== "<stdin>")
    .map(named)
    .toSorted()
}
