/** Keys of WebCrypto. Browsers have `crypto.subtle` on https pages and on `localhost` only. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"

const noWebCrypto = new InvalidRequest({
  reason: "Credentials",
  detail: "`crypto.subtle` is missing, which keys and sign-ins need. Serve the page with https, or from `localhost`."
})

/** Fails with `InvalidRequest` where WebCrypto is missing. */
export const requireWebCrypto: Effect.Effect<void, InvalidRequest> = /* @__PURE__ */ Effect.suspend(() =>
  // The types assume that every page has it.
  (globalThis.crypto.subtle as SubtleCrypto | undefined) === undefined ? noWebCrypto : Effect.void
)

/** Runs a function of WebCrypto that does not fail where WebCrypto exists. Fails with `InvalidRequest` where it is missing. */
export const withWebCrypto = <A>(run: () => Promise<A>): Effect.Effect<A, InvalidRequest> =>
  Effect.zipRight(requireWebCrypto, Effect.promise(run))
