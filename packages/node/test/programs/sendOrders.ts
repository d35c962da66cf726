// Sends an order for each id to the URL, as a batch with a checkpoint in the folder, and prints the outcomes.
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Batch from "@countersign/client/Batch"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const [baseUrl = "", folder = "", repeat = "", count = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const store = yield* KeyValueStore.KeyValueStore
  const api = yield* ApiClient.make({ baseUrl, auth: Auth.none })
  const ids = Array.from({ length: Number(count) }, (_, index) => `order-${index}`)
  const outcomes = yield* Batch.forEach(
    ids,
    (id, { idempotencyKey }) => api.post(`/orders/${id}`, { headers: { "idempotency-key": idempotencyKey } }),
    {
      concurrency: 4,
      repeat: repeat === "withKey" ? "withKey" : "never",
      checkpoint: { store, name: "orders", key: (id) => id }
    }
  )
  process.stdout.write(`${JSON.stringify(outcomes.map(({ _tag, item }) => [item, _tag]))}\n`)
})

const StoreLive = Layer.provide(
  KeyValueStore.layerFileSystem(folder),
  Layer.merge(NodeFileSystem.layer, NodePath.layer)
)

await Effect.runPromise(Effect.provide(Effect.scoped(program), Layer.merge(StoreLive, FetchHttpClient.layer)))
