/** The description of an API with each kind of request and response. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Invoice = Schema.Struct({ id: Schema.Number, total: Schema.String })

export class NotFound extends Schema.TaggedError<NotFound>()(
  "NotFound",
  { id: Schema.Number },
  HttpApiSchema.annotations({ status: 404 })
) {}

export class Locked extends Schema.TaggedError<Locked>()(
  "Locked",
  { until: Schema.String },
  HttpApiSchema.annotations({ status: 423 })
) {}

export class Maintenance extends Schema.TaggedError<Maintenance>()(
  "Maintenance",
  { until: Schema.String },
  HttpApiSchema.annotations({ status: 503 })
) {}

/** A service that a schema requires. */
export class Currency extends Context.Tag("test/Currency")<Currency, string>() {}

const Amount = Schema.transformOrFail(Schema.Number, Schema.String, {
  decode: (amount) => Effect.map(Currency, (currency) => `${amount} ${currency}`),
  encode: (text) => Effect.as(Currency, Number.parseInt(text, 10))
})

class Signed extends HttpApiMiddleware.Tag<Signed>()("test/Signed", { failure: Locked }) {}

const invoices = HttpApiGroup.make("invoices")
  .add(
    HttpApiEndpoint.get("find", "/invoices/:id")
      .setPath(Schema.Struct({ id: Schema.NumberFromString }))
      .addSuccess(Invoice)
      .addError(NotFound)
  )
  .add(
    HttpApiEndpoint.get("named", "/customers/:name/invoices")
      .setPath(Schema.Struct({ name: Schema.String }))
      .addSuccess(Schema.Array(Invoice))
  )
  .add(
    HttpApiEndpoint.post("add", "/invoices")
      .setPayload(Schema.Struct({ total: Schema.NumberFromString }))
      .setHeaders(Schema.Struct({ "x-batch": Schema.NumberFromString }))
      .setUrlParams(Schema.Struct({ dry: Schema.BooleanFromString }))
      .addSuccess(Invoice, { status: 201 })
  )
  .add(
    HttpApiEndpoint.post("upload", "/uploads")
      .setPayload(HttpApiSchema.Multipart(Schema.Struct({ note: Schema.String })))
      .addSuccess(Schema.Void)
  )
  .add(
    HttpApiEndpoint.get("search", "/search")
      .setPayload(Schema.Struct({ q: Schema.NumberFromString }))
      .addSuccess(Schema.Void)
  )
  .add(
    HttpApiEndpoint.get("text", "/text").addSuccess(
      Schema.Literal("pong").pipe(HttpApiSchema.withEncoding({ kind: "Text" }))
    )
  )
  .add(HttpApiEndpoint.get("moved", "/moved").addSuccess(Schema.Void, { status: 302 }))
  .addError(Maintenance)

/** All endpoints that require no service. */
export const Description = HttpApi.make("billing")
  .add(invoices)
  .add(
    HttpApiGroup.make("root", { topLevel: true }).add(
      HttpApiEndpoint.get("health", "/health").addSuccess(Schema.Struct({ up: Schema.Boolean }))
    )
  )

/** An API with a schema that requires a service, and with an error of its middleware. */
export const Serviced = HttpApi.make("serviced").add(
  HttpApiGroup.make("amounts").add(HttpApiEndpoint.get("due", "/due").addSuccess(Amount)).middleware(Signed)
)
