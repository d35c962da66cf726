import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { buffer } from "node:stream/consumers"
import { setImmediate } from "node:timers/promises"
import { DescribedFailure } from "../../../src/internal/errors/describedFailure.js"
import { ReadableBody } from "../../../src/internal/transport/readableBody.js"

const readable = (stream: Stream.Stream<Uint8Array, unknown>) => new ReadableBody(stream, Runtime.defaultRuntime)

const megabyte = new Uint8Array(1024 * 1024)

/** Lets everything run that needs no input. */
const settle = async () => {
  for (let round = 0; round < 20; round++) await setImmediate()
}

/** The error that a stream ends with. */
const failureOf = async (body: ReadableBody): Promise<DescribedFailure> => {
  body.resume()
  const [error]: ReadonlyArray<unknown> = await once(body, "error")
  if (!(error instanceof DescribedFailure)) throw error
  return error
}

describe("ReadableBody", () => {
  it("reads the bytes of all chunks in order", async () => {
    const bytes = FastCheck.integer({ min: 0, max: 40_000 }).map((length) => randomBytes(length))
    const chunks = FastCheck.array(FastCheck.array(bytes, { maxLength: 5 }), { maxLength: 5 })
    await FastCheck.assert(
      FastCheck.asyncProperty(chunks, FastCheck.boolean(), async (parts, pauses) => {
        const stream = Stream.fromIterable(parts).pipe(
          Stream.tap(() => (pauses ? Effect.promise(() => setImmediate()) : Effect.void)),
          Stream.flatMap((items) => Stream.fromChunk(Chunk.fromIterable(items)))
        )
        expect((await buffer(readable(stream))).equals(Buffer.concat(parts.flat()))).toBe(true)
      }),
      { numRuns: 50 }
    )
  })

  it("runs a stream of more steps than the scheduler runs at once", async () => {
    const stream = Stream.range(1, 20_000, 1).pipe(Stream.map((item) => Uint8Array.of(item)))
    expect(await buffer(readable(stream))).toHaveLength(20_000)
  })

  it("starts at the first read, and pulls one chunk more than is read", async () => {
    let pulled = 0
    const pull = Effect.sync(() => {
      pulled++
      return megabyte
    })
    const body = readable(Stream.repeatEffect(pull).pipe(Stream.take(10)))
    await settle()
    expect(pulled).toBe(0)

    for (const round of [1, 2, 3]) {
      if (body.readableLength === 0) await once(body, "readable")
      await settle()
      expect(pulled).toBe(round)
      expect(body.read()).toHaveLength(megabyte.length)
    }
    body.destroy()
  })

  it.each(["in a pull", "while its buffer is full"])("interrupts the stream when it is destroyed %s", async (when) => {
    const events: Array<string> = []
    const finalizer = Effect.promise(() => setImmediate()).pipe(
      Effect.zipRight(Effect.sync(() => void events.push("finalized")))
    )
    const rest = when === "in a pull" ? Stream.never : Stream.make(megabyte, megabyte)
    const body = readable(Stream.make(megabyte).pipe(Stream.concat(rest), Stream.ensuring(finalizer)))
    body.on("close", () => events.push("closed"))
    await once(body, "readable")
    if (when === "in a pull") body.read()
    await settle()
    body.destroy()
    await once(body, "close")
    expect(events).toEqual(["finalized", "closed"])
  })

  it("closes when it is destroyed before a read, and never starts the stream", async () => {
    let started = false
    const body = readable(Stream.execute(Effect.sync(() => void (started = true))))
    body.destroy()
    await once(body, "close")
    expect(started).toBe(false)
  })

  it("fails as a request body for a failure, a defect and an interruption", async () => {
    const cause = new Error("disk")
    for (const stream of [
      Stream.fail(cause),
      Stream.die(cause),
      Stream.make(megabyte).pipe(Stream.concat(Stream.fail(cause)))
    ]) {
      const failure = await failureOf(readable(stream))
      expect(failure.details.reason).toBe("RequestBodyFailed")
      expect(failure.cause).toBe(cause)
    }
    const interrupted = await failureOf(readable(Stream.fromEffect(Effect.interrupt)))
    expect(Cause.isInterruptedException(interrupted.cause)).toBe(true)
  })

  it("runs the stream with the context of its runtime", async () => {
    const Name = Context.Reference<Name>()("test/Name", { defaultValue: () => "default" })
    interface Name {
      readonly _: unique symbol
    }
    const runtime = await Effect.runPromise(Effect.runtime<never>().pipe(Effect.provideService(Name, "given")))
    const stream = Stream.fromEffect(Effect.map(Name, (name) => new TextEncoder().encode(name)))
    expect((await buffer(new ReadableBody(stream, runtime))).toString()).toBe("given")
  })
})
