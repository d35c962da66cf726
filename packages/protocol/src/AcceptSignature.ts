/**
 * `Accept-Signature` (RFC 9421 §5): asks the other side to sign its next message.
 *
 * A client asks for the signature of the response. A server asks for the signature of the next request.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-5
 * @since 0.1.0
 */
import type { FormatReason, ParseReason } from "./internal/SignatureFields.js"
import * as SignatureFields from "./internal/SignatureFields.js"
import { inputOf, paramsOf } from "./internal/SignatureInput.js"
import type { Component, Metadata, SignatureInput } from "./internal/SignatureModel.js"
import type { BareItem, Parameters } from "./internal/StructuredModel.js"
import type { Result } from "./Result.js"
import { err, ok } from "./Result.js"
import { maxLength } from "./StructuredField.js"

/**
 * The parameters that a signature request (`Accept-Signature`) may have. `created` and `expires` ask for a time. The others
 * are the values that the signature must have.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-5.1
 * @since 0.1.0
 * @category models
 */
export interface RequestedMetadata extends Omit<Metadata, "created" | "expires"> {
  /** Whether the signature must have a time of creation. */
  readonly created?: true | undefined
  /** Whether the signature must have a time of expiry. */
  readonly expires?: true | undefined
}

/**
 * A signature that one side asks for: components, and the parameters that the signature must have. It is no input of a
 * signature yet, see {@link fulfil}.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestedSignature {
  /** The parts of the message that the signature must cover. */
  readonly components: ReadonlyArray<Component>
  /** The parameters that the signature must have. */
  readonly params: Parameters
}

/**
 * Why a signature request cannot be fulfilled.
 *
 * - `UnknownParameter`: the request has a parameter that RFC 9421 does not define.
 * - `MissingTime`: the request asks for `created` or `expires`, and the signer gives none.
 * - `ConflictingParameter`: the signer gives another value than the requested one.
 *
 * @since 0.1.0
 * @category models
 */
export type FulfilReason = "UnknownParameter" | "MissingTime" | "ConflictingParameter"

/**
 * Makes a request for a signature.
 *
 * @example
 * import * as AcceptSignature from "@countersign/protocol/AcceptSignature"
 *
 * const requested = AcceptSignature.make(["@status", "content-digest"], { created: true, keyid: "server-key" })
 * AcceptSignature.format([["sig1", requested]])
 *
 * @param components of the message that the other side sends. A text is a component without parameters
 * @param metadata parameters of the signature, in the order of the object's members
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-5.1
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  components: ReadonlyArray<string | Component>,
  metadata: RequestedMetadata = {}
): RequestedSignature => inputOf(components, { ...metadata })

/**
 * Formats the value of `Accept-Signature`.
 *
 * @param requested by the label that the signature must have
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-5.1
 * @since 0.1.0
 * @category encoding
 */
export const format = (
  requested: Iterable<readonly [label: string, requested: RequestedSignature]>
): Result<string, FormatReason> => SignatureFields.formatInputs(requested)

/**
 * Parses the value of `Accept-Signature`.
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns requested signatures by label
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-5.2
 * @since 0.1.0
 * @category decoding
 */
export const parse = (
  fieldValues: string | ReadonlyArray<string>
): Result<ReadonlyMap<string, RequestedSignature>, ParseReason> =>
  SignatureFields.parseInputs(fieldValues, maxLength, SignatureFields.requestedParameters)

/**
 * Makes the input of a signature that fulfils a request: the same components, the requested parameters in their order, and
 * then the other ones of the signer.
 *
 * Whether the components apply to the message is checked by `MessageSignature.base`.
 *
 * @param metadata parameters of the signer. A requested `nonce`, `alg`, `keyid` or `tag` may be left out
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-5.2
 * @since 0.1.0
 * @category constructors
 */
export const fulfil = (requested: RequestedSignature, metadata: Metadata): Result<SignatureInput, FulfilReason> => {
  const given = paramsOf({ ...metadata })
  const params = new Map<string, BareItem>()
  for (const [name, value] of requested.params) {
    const chosen = choose(name, value, given.get(name))
    if (chosen._tag === "Err") return chosen
    params.set(name, chosen.value)
  }
  return ok({ components: requested.components, params: new Map([...params, ...given]) })
}

const texts: ReadonlySet<string> = new Set(["nonce", "alg", "keyid", "tag"])

const choose = (name: string, requested: BareItem, given: BareItem | undefined): Result<BareItem, FulfilReason> => {
  if (name === "created" || name === "expires") return given === undefined ? err("MissingTime") : ok(given)
  if (!texts.has(name)) return err("UnknownParameter")
  return given === undefined || given.value === requested.value ? ok(requested) : err("ConflictingParameter")
}
