/** A PgBouncer in front of a server. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Programs from "./programs.js"
import type { PostgresServerError } from "./serverError.js"
import * as ServerProcess from "./serverProcess.js"

/** How PgBouncer assigns server connections. */
export interface Pooling {
  readonly mode: "session" | "transaction" | "statement"
  readonly size: number
}

const configuration = (server: number, port: number, { mode, size }: Pooling): string => `[databases]
* = host=127.0.0.1 port=${server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${size}
max_client_conn = 500
`

/** Starts a PgBouncer, which runs until the scope closes. Returns its port. */
export const start = (server: number, pooling: Pooling): Effect.Effect<number, PostgresServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const file = join(yield* Programs.bouncerFolder, "pgbouncer")
    const user = yield* Programs.systemUser
    const folder = yield* ServerProcess.folder(user)
    const path = join(folder, "pgbouncer.ini")
    const starting = Effect.gen(function* () {
      const port = yield* ServerProcess.freePort
      yield* Effect.promise(() => writeFile(path, configuration(server, port, pooling), { mode: 0o644 }))
      const program = { file, args: [path], user }
      return { port, child: yield* ServerProcess.start(program, (line) => line.includes("process up: ")) }
    })
    // Another process may take a free port before PgBouncer does.
    const retried = Effect.retry(starting, { times: 2, while: ({ reason }) => reason === "StartFailed" })
    const { port } = yield* Effect.acquireRelease(retried, ({ child }) => ServerProcess.end(child, "SIGKILL"))
    return port
  })
