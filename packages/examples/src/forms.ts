/** Bodies that are not JSON: forms, files, text, bytes and streams. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as IterableBody from "@countersign/client/IterableBody"
import * as RequestBody from "@countersign/client/RequestBody"
import * as HttpBody from "@effect/platform/HttpBody"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", auth: Auth.none })

/** What the server received. */
const schema = Schema.Struct({
  headers: Schema.Struct({ "Content-Type": Schema.String }),
  form: Schema.Unknown,
  data: Schema.String
})

const show = ({ data, form, headers }: typeof schema.Type) =>
  Console.log(headers["Content-Type"].split(";")[0], data.startsWith("--") ? "…" : data || form)

const csv = "name,age"
const bytes = new TextEncoder().encode(csv)

export const program = Effect.gen(function* () {
  const api = yield* Api

  // #region form
  // A list repeats its name, and `undefined` is left out.
  yield* show(yield* api.post("/post", { form: { user: "ada", tag: ["a", "b"], note: undefined }, schema }))
  // #endregion

  // #region multipart
  // A `File` has a name and a type. A `FormData` works too.
  const file = new File([csv], "people.csv", { type: "text/csv" })
  yield* show(yield* api.post("/post", { multipart: { title: "People", file }, schema }))
  // #endregion

  // #region text
  yield* show(yield* api.post("/post", { text: "hello", schema }))
  yield* show(yield* api.post("/post", { text: "<a/>", headers: { "content-type": "application/xml" }, schema }))
  // #endregion

  // #region bytes
  yield* show(yield* api.put("/put", { body: bytes, schema }))
  yield* show(yield* api.put("/put", { body: new Blob([csv], { type: "text/csv" }), schema }))
  // #endregion

  // #region stream
  function* rows() {
    for (const row of ["name,", "age"]) yield new TextEncoder().encode(row)
  }
  const lines = Stream.make("name,", "age").pipe(Stream.encodeText)
  // Sent once: a failure is not retried.
  yield* show(yield* api.put("/put", { body: lines, headers: { "content-type": "text/csv" }, schema }))
  // Retried: this stream yields the same bytes each time.
  const again = RequestBody.markReplayable(HttpBody.stream(lines, "text/csv"))
  yield* show(yield* api.put("/put", { body: again, schema }))
  // Retried too: the generator runs again for each send. For small bodies this is the fastest way.
  yield* show(yield* api.put("/put", { body: IterableBody.make(rows, "text/csv"), schema }))
  // #endregion
})
