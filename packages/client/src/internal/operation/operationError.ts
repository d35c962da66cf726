/** The error of an operation that did not succeed. */
import * as Redact from "@countersign/protocol/Redact"
import * as Data from "effect/Data"
import { ErrorMap } from "../runtime/platform.js"
import type { Position } from "./operationState.js"

/** See `Operation.OperationReason`. */
export type OperationReason = "Failed" | "Canceled" | "TooLong" | "NoStatusUrl"

const texts: Readonly<Record<OperationReason, string>> = {
  Failed: "failed at the server",
  Canceled: "was canceled at the server",
  TooLong:
    "is not done within `maxWait`. It continues at the server: raise `maxWait`, or pass `position` to `Operation.wait`",
  NoStatusUrl:
    "has no status URL: the server answered 202 without a valid `Operation-Location`, `Azure-AsyncOperation` or `Location`. Read the result in another way"
}

interface Hidden {
  readonly position: Position | undefined
  readonly body: unknown
}

/** Stored outside the error, because printers would show secrets in a URL or in the body. */
const hidden: WeakMap<object, Hidden> = /* @__PURE__ */ new ErrorMap()

/**
 * Operation failure: the operation failed, was canceled, or is not done in time. No printer shows `position` and `body`.
 *
 * @since 0.1.0
 * @category errors
 */
export class OperationError
  extends /* @__PURE__ */ Data.TaggedError("OperationError")<{
    /** Why there is no result. */
    readonly reason: OperationReason
    /** URL of the status, safe to print: without query values. */
    readonly url: string
    /** The server's message, safe to print. */
    readonly serverMessage?: string | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<OperationError, "reason" | "url" | "serverMessage"> & Hidden) {
    const { body, position, reason, serverMessage } = fields
    const url = Redact.url(fields.url)
    const words = serverMessage === undefined ? "" : `: "${serverMessage}"`
    super({ reason, url, serverMessage, message: `The operation ${url} ${texts[reason]}${words}.` })
    hidden.set(this, { position, body })
  }

  /** Where to continue with `Operation.wait`. Undefined with the reason `NoStatusUrl`. */
  get position(): Position | undefined {
    return hidden.get(this)?.position
  }

  /** The body of the last response, parsed as JSON. */
  get body(): unknown {
    return hidden.get(this)?.body
  }
}
