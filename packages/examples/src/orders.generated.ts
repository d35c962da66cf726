import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { ParseError } from "effect/ParseResult"
import * as S from "effect/Schema"

export class Status extends S.Literal("open", "shipped") {}

export class ListOrdersParams extends S.Struct({
  "status": S.optionalWith(Status, { nullable: true })
}) {}

export class Order extends S.Class<Order>("Order")({
  "id": S.String,
  "item": S.String,
  "status": Status
}) {}

export class ListOrders200 extends S.Array(Order) {}

export class NewOrder extends S.Class<NewOrder>("NewOrder")({
  "item": S.String
}) {}

export class Rejection extends S.Class<Rejection>("Rejection")({
  "message": S.String
}) {}

export const make = (
  httpClient: HttpClient.HttpClient, 
  options: {
    readonly transformClient?: ((client: HttpClient.HttpClient) => Effect.Effect<HttpClient.HttpClient>) | undefined
  } = {}
): Orders => {
  const unexpectedStatus = (response: HttpClientResponse.HttpClientResponse) =>
    Effect.flatMap(
      Effect.orElseSucceed(response.json, () => "Unexpected status code"),
      (description) =>
        Effect.fail(
          new HttpClientError.ResponseError({
            request: response.request,
            response,
            reason: "StatusCode",
            description: typeof description === "string" ? description : JSON.stringify(description),
          }),
        ),
    )
  const withResponse: <A, E>(
    f: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, E>,
  ) => (
    request: HttpClientRequest.HttpClientRequest,
  ) => Effect.Effect<any, any> = options.transformClient
    ? (f) => (request) =>
        Effect.flatMap(
          Effect.flatMap(options.transformClient!(httpClient), (client) =>
            client.execute(request),
          ),
          f,
        )
    : (f) => (request) => Effect.flatMap(httpClient.execute(request), f)
  const decodeSuccess =
    <A, I, R>(schema: S.Schema<A, I, R>) =>
    (response: HttpClientResponse.HttpClientResponse) =>
      HttpClientResponse.schemaBodyJson(schema)(response)
  const decodeError =
    <const Tag extends string, A, I, R>(tag: Tag, schema: S.Schema<A, I, R>) =>
    (response: HttpClientResponse.HttpClientResponse) =>
      Effect.flatMap(
        HttpClientResponse.schemaBodyJson(schema)(response),
        (cause) => Effect.fail(OrdersError(tag, cause, response)),
      )
  return {
    httpClient,
    "listOrders": (options) => HttpClientRequest.get(`/orders`).pipe(
    HttpClientRequest.setUrlParams({ "status": options?.["status"] as any }),
    withResponse(HttpClientResponse.matchStatus({
      "2xx": decodeSuccess(ListOrders200),
      orElse: unexpectedStatus
    }))
  ),
  "createOrder": (options) => HttpClientRequest.post(`/orders`).pipe(
    HttpClientRequest.bodyUnsafeJson(options),
    withResponse(HttpClientResponse.matchStatus({
      "2xx": decodeSuccess(Order),
      "422": decodeError("Rejection", Rejection),
      orElse: unexpectedStatus
    }))
  ),
  "getOrder": (id) => HttpClientRequest.get(`/orders/${id}`).pipe(
    withResponse(HttpClientResponse.matchStatus({
      "2xx": decodeSuccess(Order),
      "404": decodeError("Rejection", Rejection),
      orElse: unexpectedStatus
    }))
  )
  }
}

export interface Orders {
  readonly httpClient: HttpClient.HttpClient
  readonly "listOrders": (options?: typeof ListOrdersParams.Encoded | undefined) => Effect.Effect<typeof ListOrders200.Type, HttpClientError.HttpClientError | ParseError>
  readonly "createOrder": (options: typeof NewOrder.Encoded) => Effect.Effect<typeof Order.Type, HttpClientError.HttpClientError | ParseError | OrdersError<"Rejection", typeof Rejection.Type>>
  readonly "getOrder": (id: string) => Effect.Effect<typeof Order.Type, HttpClientError.HttpClientError | ParseError | OrdersError<"Rejection", typeof Rejection.Type>>
}

export interface OrdersError<Tag extends string, E> {
  readonly _tag: Tag
  readonly request: HttpClientRequest.HttpClientRequest
  readonly response: HttpClientResponse.HttpClientResponse
  readonly cause: E
}

class OrdersErrorImpl extends Data.Error<{
  _tag: string
  cause: any
  request: HttpClientRequest.HttpClientRequest
  response: HttpClientResponse.HttpClientResponse
}> {}

export const OrdersError = <Tag extends string, E>(
  tag: Tag,
  cause: E,
  response: HttpClientResponse.HttpClientResponse,
): OrdersError<Tag, E> =>
  new OrdersErrorImpl({
    _tag: tag,
    cause,
    response,
    request: response.request,
  }) as any
