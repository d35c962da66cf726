/** Where the programs of PostgreSQL are, and which system user runs them. */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { accessSync, constants, readdirSync } from "node:fs"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import type { PostgresServerError } from "./serverError.js"
import { failed, missing } from "./serverError.js"

const run = promisify(execFile)

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Folders of PATH. System programs such as `pgbouncer` are in folders that the PATH of a user may lack. */
const pathFolders = (): ReadonlyArray<string> => [
  // eslint-disable-next-line no-restricted-properties -- the folders that `spawn` would search
  ...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
  "/usr/sbin"
]

const versions = (root: string): ReadonlyArray<string> => {
  try {
    return readdirSync(root)
  } catch {
    return []
  }
}

/** Debian's folders, newest version first: it puts only the clients into PATH. */
const debianFolders = (): ReadonlyArray<string> => {
  const root = "/usr/lib/postgresql"
  const newestFirst = [...versions(root)].sort((one, other) => Number(other) - Number(one))
  return newestFirst.map((version) => join(root, version, "bin"))
}

/** The first folder with all of the programs. Fails with `BinaryMissing`. */
export const find = (
  programs: readonly [string, ...Array<string>],
  folders: () => ReadonlyArray<string>,
  advice: string
): Effect.Effect<string, PostgresServerError> =>
  Effect.suspend(() => {
    const found = folders().find((folder) => programs.every((program) => isExecutable(join(folder, program))))
    return found === undefined ? missing(programs, advice) : Effect.succeed(found)
  })

const findServer = (...programs: readonly [string, ...Array<string>]) =>
  find(
    programs,
    () => [...pathFolders(), ...debianFolders()],
    "Install PostgreSQL: on Debian, the package `postgresql`"
  )

/** The folder with the server and `initdb`. */
export const serverFolder: Effect.Effect<string, PostgresServerError> = findServer("initdb", "postgres")

/** The folder with the server, and the programs that copy and promote one. */
export const replicationFolder: Effect.Effect<string, PostgresServerError> = findServer(
  "initdb",
  "pg_basebackup",
  "pg_ctl",
  "postgres"
)

/** The folder with PgBouncer. */
export const bouncerFolder: Effect.Effect<string, PostgresServerError> = find(
  ["pgbouncer"],
  pathFolders,
  "Install PgBouncer: on Debian, the package `pgbouncer`"
)

/** Ids of the user that runs the programs. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

const idOf = async (option: string): Promise<number> => Number((await run("id", [option, "postgres"])).stdout)

/** PostgreSQL does not run as root, so that root starts it as the user `postgres`. Otherwise undefined: the user itself. */
export const systemUser: Effect.Effect<SystemUser | undefined, PostgresServerError> = Effect.suspend(() =>
  process.getuid?.() === 0
    ? Effect.tryPromise({
        try: async () => ({ uid: await idOf("-u"), gid: await idOf("-g") }),
        catch: () => failed("PostgreSQL does not run as root, and there is no system user `postgres`. Add one")
      })
    : Effect.succeed(undefined)
)
