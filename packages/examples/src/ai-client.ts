/** A language model of `@effect/ai-anthropic`. Its requests pass through the pipeline. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as ApiClient from "@countersign/client/ApiClient"
import * as ApiError from "@countersign/client/ApiError"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as LanguageModel from "@effect/ai/LanguageModel"
import * as AnthropicClient from "@effect/ai-anthropic/AnthropicClient"
import * as AnthropicLanguageModel from "@effect/ai-anthropic/AnthropicLanguageModel"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

// #region layer
class Anthropic extends ApiClient.Tag("app/Anthropic")<Anthropic>() {}

/** The key, and the one that replaces it. */
const KeysLive = Layer.unwrapEffect(
  Effect.map(Config.all([Config.redacted("ANTHROPIC_KEY"), Config.redacted("ANTHROPIC_NEXT_KEY")]), (keys) =>
    ApiKey.layerPool({ location: ApiKey.header("x-api-key"), keys })
  )
)

const AnthropicLive = Anthropic.layer({
  baseUrl: "https://api.anthropic.com",
  auth: KeysLive,
  timeout: { exchange: "5 minutes", call: "10 minutes" },
  // A request with such a key is retried although it is a POST.
  idempotencyKey: IdempotencyKey.make()
})

export const ModelLive = AnthropicLanguageModel.layer({ model: "claude-sonnet-4-5" }).pipe(
  Layer.provide(Anthropic.provideHttpClient(AnthropicClient.layer({}))),
  Layer.provide(AnthropicLive)
)
// #endregion

// #region transport
/** A streamed answer can pause while the model thinks. */
const TransportLive = NodeTransport.layerWith({ bodyTimeout: "2 minutes" })

export const Live = ModelLive.pipe(Layer.provide(TransportLive))
// #endregion

// #region calls
export const answer = (prompt: string) => Effect.map(LanguageModel.generateText({ prompt }), ({ text }) => text)

/** The parts of an answer, as they arrive. */
export const answerParts = (prompt: string) =>
  LanguageModel.streamText({ prompt }).pipe(
    Stream.filterMap((part) => (part.type === "text-delta" ? Option.some(part.delta) : Option.none()))
  )

export const program = Effect.gen(function* () {
  yield* Console.log(yield* answer("Why is the sky blue?"))
  yield* Stream.runForEach(answerParts("And at sunset?"), (text) => Console.log(text))
})
// #endregion

// #region errors
/** The answer, or the time from which on the API accepts requests again. */
export const answerOrTime = (prompt: string) =>
  answer(prompt).pipe(
    Effect.catchAll((error) =>
      Option.match(Option.flatMap(ApiError.find(error), ApiError.retryAt), {
        onNone: () => Effect.fail(error),
        onSome: Effect.succeed
      })
    )
  )
// #endregion
