/** Opens event streams that stay idle after the first event: `idleStreams CLIENT ORIGIN`. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { setTimeout as sleep } from "node:timers/promises"
import { Agent, request } from "undici"
import { used } from "../Heap.js"
import { answer } from "../Remote.js"

const [, , client, origin = ""] = process.argv

let begun = 0

const onFirst = (): void => {
  begun++
}

/** Opens a stream, and calls `onFirst` with the first event. */
type Open = () => void

const dispatcher = new Agent()

const bare: Open = () =>
  void (async () => {
    const { body } = await request(`${origin}/idle`, { dispatcher })
    for await (const _ of body) onFirst()
  })()

class Api extends ApiClient.Tag("bench/Api")<Api>() {}

const runtime = ManagedRuntime.make(
  Api.layer({ baseUrl: origin, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))
)

const drain = (stream: Stream.Stream<unknown, unknown>) => Stream.runForEach(stream, () => Effect.sync(onFirst))

const open: Open = () => {
  const read = Effect.flatMap(Api, (api) =>
    Effect.scoped(Effect.flatMap(api.open("/idle"), ({ stream }) => drain(stream)))
  )
  runtime.runFork(read)
}

const serverEvents: Open = () => {
  runtime.runFork(Effect.flatMap(Api, (api) => drain(ServerEvents.stream(api, "/idle", {}))))
}

const opens = { "undici.request": bare, "api.open": open, ServerEvents: serverEvents }

/** The names of the clients. */
export type Name = keyof typeof opens

const openAll = async (count: number): Promise<void> => {
  // The type of a name that this program is started with.
  const one = opens[client as Name]
  const expected = begun + count
  for (let number = 0; number < count; number++) one()
  while (begun < expected) await sleep(20)
  await sleep(200)
}

const methods = {
  /** The growth of heap and buffers for each stream of `count`, in bytes. Streams that were opened before stay open. */
  grown: async (count: number): Promise<number> => {
    const before = used()
    await openAll(count)
    return (used() - before) / count
  }
}

/** The methods of the process. */
export type IdleStreams = typeof methods

answer(methods)
