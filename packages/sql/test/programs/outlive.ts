// Uses a store until SIGTERM, or until SIGUSR2, after which it only closes its scope. Prints a line with figures each 250 ms.
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { Socket } from "node:net"
import { openStore } from "../support/openStore.js"

const [url = "", table = "", mode] = process.argv.slice(2)

/** Connections that were opened, or failed to open. */
let connections = 0
// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its socket
const connect = Socket.prototype.connect
Socket.prototype.connect = new Proxy(connect, {
  apply: (target, socket: Socket, args) => {
    connections += 1
    return Reflect.apply(target, socket, args)
  }
})

let refreshes = 0
let isHeld = false
const acquireToken: TokenSource.Options["acquireToken"] = () =>
  Effect.map(Effect.delay(Clock.currentTimeMillis, "50 millis"), (now) => {
    refreshes += 1
    const token = Token.bearer(Redacted.make(`access-${refreshes}`), now, 40)
    return { ...token, refreshToken: Redacted.make(`refresh-${refreshes}`) }
  })

const report = Effect.sync(() => {
  const { heapUsed } = process.memoryUsage()
  const { system, user } = process.cpuUsage()
  const figures = { connections, refreshes, isHeld, heapBytes: heapUsed, cpuMs: (user + system) / 1000 }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
})

const closing = Effect.async<void>((resume) => {
  process.once("SIGUSR2", () => resume(Effect.void))
})

const program = Effect.gen(function* () {
  const store = yield* openStore(url, { table })
  const source = yield* Effect.provideService(
    TokenSource.make({ key: "account", acquireToken, propagationDelay: 0 }),
    TokenStore.TokenStore,
    store
  )
  const refreshing = Effect.forever(
    Effect.matchEffect(source.get, {
      onFailure: () => Effect.sleep("20 millis"),
      onSuccess: () => Effect.sleep("2 millis")
    })
  )
  const holding = store.withLock("other")(
    Effect.zipRight(
      Effect.sync(() => (isHeld = true)),
      Effect.never
    )
  )
  yield* Effect.forkScoped(Effect.forever(Effect.zipRight(report, Effect.sleep("250 millis"))))
  yield* Effect.forkScoped(mode === "hold" ? holding : refreshing)
  yield* closing
}).pipe(Effect.scoped, Effect.provide(Logger.remove(Logger.defaultLogger)))

NodeRuntime.runMain(program, { disablePrettyLogger: true })
