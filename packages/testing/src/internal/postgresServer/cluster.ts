/** The data of a server: a new database, or a copy of a running server. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import * as Programs from "./programs.js"
import type { PostgresServerError } from "./serverError.js"
import * as ServerProcess from "./serverProcess.js"

/** Settings of `postgresql.conf`. */
export type Settings = Readonly<Record<string, string>>

/** Starts a server that accepts connections. The caller ends it. */
type Start = (port: number, settings: Settings) => Effect.Effect<ChildProcess, PostgresServerError>

/** Data of a primary, in a folder that the scope removes. */
export interface Primary {
  readonly start: Start
}

/** Data of a standby, in a folder that the scope removes. Its start waits until it receives what the primary writes. */
export interface Standby {
  readonly start: Start
  /** Makes a primary of the running standby. */
  readonly promote: Effect.Effect<void, PostgresServerError>
}

/** Whether all texts have stood in lines, in any order. */
const seeing = (...texts: ReadonlyArray<string>): ((line: string) => boolean) => {
  const missing = new Set(texts)
  return (line) => {
    for (const text of missing) if (line.includes(text)) missing.delete(text)
    return missing.size === 0
  }
}

const isReady = " is ready to accept "

/** A new folder for data, and the user that runs programs on them. */
const newFolder = Effect.gen(function* () {
  const user = yield* Programs.systemUser
  return { user, data: join(yield* ServerProcess.folder(user), "data") }
})

const argumentsOf = (data: string, port: number, settings: Settings): ReadonlyArray<string> => {
  const all = { listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: "", ...settings }
  return ["-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])]
}

/** An empty database. */
export const empty: Effect.Effect<Primary, PostgresServerError, Scope.Scope> = Effect.gen(function* () {
  const programs = yield* Programs.serverFolder
  const { data, user } = yield* newFolder
  const args = ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"]
  yield* ServerProcess.run({ file: join(programs, "initdb"), args, user })
  const file = join(programs, "postgres")
  return {
    start: (port, settings) =>
      ServerProcess.start({ file, args: argumentsOf(data, port, settings), user }, seeing(isReady))
  }
})

/** A copy of a running primary, and of what it writes. `from` is the port on which the standby receives that. */
export const copyOf = (primary: number, from: number): Effect.Effect<Standby, PostgresServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const programs = yield* Programs.replicationFolder
    const { data, user } = yield* newFolder
    const source = ["-h", "127.0.0.1", "-p", String(primary), "-U", "postgres", "--no-password"]
    const how = ["--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-sync"]
    yield* ServerProcess.run({ file: join(programs, "pg_basebackup"), args: ["-D", data, ...source, ...how], user })
    const file = join(programs, "postgres")
    const following = { primary_conninfo: `host=127.0.0.1 port=${from} user=postgres` }
    return {
      start: (port, settings) =>
        ServerProcess.start(
          { file, args: argumentsOf(data, port, { ...settings, ...following }), user },
          seeing(isReady, "started streaming WAL")
        ),
      promote: ServerProcess.run({ file: join(programs, "pg_ctl"), args: ["promote", "-w", "-D", data], user })
    }
  })
