import { describe, expect, it } from "@effect/vitest"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Net from "node:net"

const { Toxic } = FaultProxy

/** One side of a connection and its events. */
interface Side {
  readonly socket: Net.Socket
  readonly chunks: Array<string>
  ended: boolean
  closed: boolean
  code: string | undefined
}

const watch = (socket: Net.Socket): Side => {
  const side: Side = { socket, chunks: [], ended: false, closed: false, code: undefined }
  socket.on("data", (bytes: Buffer) => side.chunks.push(bytes.toString("latin1")))
  socket.on("end", () => (side.ended = true))
  socket.on("close", () => (side.closed = true))
  socket.on("error", (error: NodeJS.ErrnoException) => (side.code = error.code))
  return side
}

const textOf = ({ chunks }: Side): string => chunks.join("")

const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Waits for an event of a real socket, regardless of the Clock. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(turn, { until: condition }))

/** Gives sockets time for events that must not happen. */
const waitForSockets = Effect.repeatN(turn, 200)

const sleeping = Effect.repeat(Effect.zipRight(turn, TestClock.sleeps()), { until: (all) => [...all].length > 0 })

/** Blocks the event loop for 8 ms in each turn, like a busy machine. */
const blockedEventLoop = Effect.acquireRelease(
  Effect.sync(() => {
    const state = { isDone: false }
    const block = () => {
      const end = performance.now() + 8
      while (performance.now() < end);
      if (!state.isDone) setImmediate(block)
    }
    block()
    return state
  }),
  (state) => Effect.sync(() => (state.isDone = true))
)

const serve = (onConnection: (side: Side) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly sides: Array<Side>; readonly server: Net.Server }>((resume) => {
      const sides: Array<Side> = []
      const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        const side = watch(socket)
        sides.push(side)
        onConnection(side)
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as Net.AddressInfo
        resume(Effect.succeed({ port, sides, server }))
      })
    }),
    ({ server, sides }) =>
      Effect.sync(() => {
        for (const { socket } of sides) socket.destroy()
        server.close()
      })
  )

const echo = ({ socket }: Side): void => {
  socket.on("data", (bytes: Buffer) => socket.write(bytes))
  socket.on("end", () => socket.end())
}

const dial = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => watch(Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }))),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

/** A server behind a proxy, and one client connection to it. */
const connected = (toxics: FaultProxy.Toxics = {}, onConnection: (side: Side) => void = echo) =>
  Effect.gen(function* () {
    const { port, sides } = yield* serve(onConnection)
    const proxy = yield* FaultProxy.make({ port, ...toxics })
    const client = yield* dial(proxy.port)
    yield* until(() => sides.length === 1)
    return { proxy, client, server: sides[0]! }
  })

describe("FaultProxy", () => {
  it.scoped("relays bytes and orderly ends in both directions without toxics", () =>
    Effect.gen(function* () {
      const { client, proxy, server } = yield* connected()
      client.socket.end("hello")
      yield* until(() => client.closed)
      expect([textOf(server), textOf(client), client.ended, client.code]).toEqual(["hello", "hello", true, undefined])
      yield* until(() => server.closed)
      expect(yield* proxy.counts).toEqual({ connections: 1, open: 0, cuts: 0 })
    })
  )

  it.scoped("delays a chunk by its latency on the Clock of the context", () =>
    Effect.gen(function* () {
      const { client, server } = yield* connected({ up: [Toxic.Latency({ delay: "100 millis" })] })
      client.socket.write("late")
      yield* sleeping
      yield* TestClock.adjust("99 millis")
      yield* waitForSockets
      expect(textOf(server)).toBe("")
      yield* TestClock.adjust("1 millis")
      yield* until(() => textOf(client) === "late")
    })
  )

  it.scoped("counts latency from arrival, so that chunks wait concurrently and stay in order", () =>
    Effect.gen(function* () {
      const { client, server } = yield* connected({ up: [Toxic.Latency({ delay: "1 second", jitter: "900 millis" })] })
      for (const text of ["a", "b", "c", "d"]) {
        client.socket.write(text)
        yield* waitForSockets
      }
      yield* TestClock.adjust("1900 millis")
      yield* until(() => textOf(server) === "abcd")
    })
  )

  it.scoped("limits the bytes per second", () =>
    Effect.gen(function* () {
      const { client, server } = yield* connected({ up: [Toxic.Rate({ bytesPerSecond: 2 })] })
      client.socket.write("abc")
      for (const seen of ["a", "ab", "abc"]) {
        yield* until(() => textOf(server) === seen)
        yield* sleeping.pipe(Effect.when(() => seen !== "abc"))
        yield* TestClock.adjust("499 millis")
        yield* waitForSockets
        expect(textOf(server)).toBe(seen)
        yield* TestClock.adjust("1 millis")
      }
    })
  )

  it.scoped("splits writes into slices", () =>
    Effect.gen(function* () {
      const { client, server } = yield* connected({ up: [Toxic.Slice({ bytes: 3 })] })
      client.socket.write("0123456789")
      yield* until(() => textOf(server) === "0123456789")
      expect(server.chunks.length).toBeGreaterThan(1)
    })
  )

  it.scoped("resets both sides at a byte offset", () =>
    Effect.gen(function* () {
      const { client, proxy, server } = yield* connected({ down: [Toxic.Reset({ after: 4 })] })
      client.socket.write("abcdef")
      yield* until(() => client.closed && server.closed)
      expect([textOf(client), client.code, client.ended]).toEqual(["abcd", "ECONNRESET", false])
      expect([textOf(server), server.code]).toEqual(["abcdef", "ECONNRESET"])
      expect(yield* proxy.counts).toEqual({ connections: 1, open: 0, cuts: 1 })
    })
  )

  it.scoped("delivers the bytes before a reset while the event loop is blocked for longer than they take", () =>
    Effect.gen(function* () {
      yield* blockedEventLoop
      const { client, server } = yield* connected({ down: [Toxic.Reset({ after: 4 })] })
      client.socket.write("abcdef")
      yield* until(() => client.closed || client.ended)
      expect([textOf(client), client.code, client.ended]).toEqual(["abcd", "ECONNRESET", false])
      yield* until(() => server.closed)
    })
  )

  it.scoped("does not reset a connection that ends before the byte offset", () =>
    Effect.gen(function* () {
      const { client } = yield* connected({ down: [Toxic.Reset({ after: 4 })] })
      client.socket.end("abcd")
      yield* until(() => client.closed)
      expect([textOf(client), client.code, client.ended]).toEqual(["abcd", undefined, true])
    })
  )

  it.scoped("truncates with an orderly end", () =>
    Effect.gen(function* () {
      const { client } = yield* connected({ down: [Toxic.Truncate({ after: 4 })] })
      client.socket.write("abcdef")
      yield* until(() => client.ended)
      expect([textOf(client), client.code]).toEqual(["abcd", undefined])
    })
  )

  it.scoped("closes one direction and relays the other", () =>
    Effect.gen(function* () {
      const { client, proxy, server } = yield* connected({ up: [Toxic.HalfClose({ after: 2 })] }, () => undefined)
      client.socket.write("abc")
      yield* until(() => server.ended)
      expect(textOf(server)).toBe("ab")
      client.socket.write("unheard")
      server.socket.write("still here")
      yield* until(() => textOf(client) === "still here")
      expect([textOf(server), client.ended, (yield* proxy.counts).cuts]).toEqual(["ab", false, 1])
    })
  )

  it.scoped("swallows bytes and ends in a black hole, and passes them when the toxic is removed", () =>
    Effect.gen(function* () {
      const { client, proxy, server } = yield* connected({ up: [Toxic.BlackHole({ after: 1 })] })
      client.socket.end("abc")
      yield* until(() => textOf(server) === "a")
      yield* waitForSockets
      expect([textOf(server), server.ended, (yield* proxy.counts).open]).toEqual(["a", false, 1])
      yield* proxy.set({})
      yield* until(() => client.closed)
      expect([textOf(client), client.code]).toEqual(["abc", undefined])
    })
  )

  it.scoped("applies new toxics to delayed chunks", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* connected({ up: [Toxic.Latency({ delay: "1 hour" })] })
      client.socket.write("at last")
      yield* sleeping
      yield* proxy.set({})
      yield* until(() => textOf(client) === "at last")
    })
  )

  it.scoped("resets idle connections and accepts new ones", () =>
    Effect.gen(function* () {
      const { client, proxy } = yield* connected()
      yield* proxy.reset
      yield* until(() => client.closed)
      expect(client.code).toBe("ECONNRESET")
      const second = yield* dial(proxy.port)
      second.socket.write("again")
      yield* until(() => textOf(second) === "again")
      expect(yield* proxy.counts).toEqual({ connections: 2, open: 1, cuts: 0 })
    })
  )

  it.scoped("resets a client when the server is unreachable", () =>
    Effect.gen(function* () {
      const { port, server } = yield* serve(echo)
      yield* Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
      const proxy = yield* FaultProxy.make({ port })
      const client = yield* dial(proxy.port)
      yield* until(() => client.closed)
      expect(client.code).toBe("ECONNRESET")
    })
  )

  /** Number of bytes that each of 30 connections received, one after the other. */
  const receivedLengths = (seed: number, probability: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port } = yield* serve(echo)
        const proxy = yield* FaultProxy.make({ port, seed, down: [Toxic.Reset({ after: [0, 9], probability })] })
        const clients = yield* Effect.forEach(Array.from({ length: 30 }), () =>
          Effect.tap(dial(proxy.port), (client) => {
            client.socket.end("0123456789")
            return until(() => client.closed)
          })
        )
        return clients.map((client) => textOf(client).length)
      })
    )

  it.effect("cuts the same connections at the same bytes for the same seed", () =>
    Effect.gen(function* () {
      const first = yield* receivedLengths(1, 0.5)
      expect(yield* receivedLengths(1, 0.5)).toEqual(first)
      expect(yield* receivedLengths(2, 0.5)).not.toEqual(first)
      expect(new Set(first).size).toBeGreaterThan(3)
      expect(first.filter((length) => length === 10).length).toBeGreaterThan(5)
    })
  )

  it.effect("never applies a toxic of probability 0 and always one of probability 1", () =>
    Effect.gen(function* () {
      expect((yield* receivedLengths(1, 0)).every((length) => length === 10)).toBe(true)
      expect((yield* receivedLengths(1, 1)).every((length) => length < 10)).toBe(true)
    })
  )

  it.live("leaves no socket, timer and port when its scope closes", () =>
    Effect.gen(function* () {
      const { port, sides } = yield* serve(echo)
      const before = process.getActiveResourcesInfo().length
      const scope = yield* Scope.make()
      const proxy = yield* Scope.extend(
        FaultProxy.make({ port, up: [Toxic.Latency({ delay: "1 hour" })], down: [Toxic.BlackHole({})] }),
        scope
      )
      const clients = yield* Effect.forEach([1, 2, 3], () => dial(proxy.port))
      for (const { socket } of clients) socket.write("held")
      yield* until(() => sides.length === 3)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => [...clients, ...sides].every(({ closed, ended }) => closed || ended))
      for (const { socket } of [...clients, ...sides]) socket.destroy()
      yield* until(() => [...clients, ...sides].every(({ closed }) => closed))
      expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before)
      const late = yield* dial(proxy.port)
      yield* until(() => late.closed)
      expect(late.code).toBe("ECONNREFUSED")
    }).pipe(Effect.scoped)
  )
})
