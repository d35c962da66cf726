/**
 * HTTP Message Signatures (RFC 9421): signature bases, and the fields `Signature-Input` and `Signature`.
 *
 * This module has no keys and computes no signature. The caller signs the bytes of the signature base, which is ASCII.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421
 * @since 0.1.0
 */
import type { BaseFailure } from "./internal/SignatureBase.js"
import * as SignatureBase from "./internal/SignatureBase.js"
import type { FormatReason, ParseReason } from "./internal/SignatureFields.js"
import * as SignatureFields from "./internal/SignatureFields.js"
import type {
  Component,
  Fields,
  FieldType,
  Metadata,
  Request,
  Response,
  SignatureInput
} from "./internal/SignatureModel.js"
import { inputOf, paramsOf } from "./internal/SignatureInput.js"
import type { BaseReason } from "./internal/SignatureReason.js"
import { explanations } from "./internal/SignatureReason.js"
import { encodeQuery } from "./internal/SignatureSource.js"
import type { Ok, Result } from "./Result.js"
import { err, ok } from "./Result.js"
import * as StructuredField from "./StructuredField.js"

export type { BaseFailure } from "./internal/SignatureBase.js"
export type { FormatReason, ParseReason } from "./internal/SignatureFields.js"
export type {
  Component,
  Fields,
  FieldType,
  Metadata,
  Request,
  Response,
  SignatureInput
} from "./internal/SignatureModel.js"
export type { BaseReason } from "./internal/SignatureReason.js"

/**
 * Parameters of a component. Their order is the order of the object's members.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-6.5.2
 * @since 0.1.0
 * @category models
 */
export interface ComponentParameters {
  /** The field is serialized again as a structured field. */
  readonly sf?: true | undefined
  /** The member of a Dictionary field. */
  readonly key?: string | undefined
  /** Each line of the field is a Byte Sequence. */
  readonly bs?: true | undefined
  /** In the signature of a response: the component of its request. */
  readonly req?: true | undefined
  /** The field is in the trailer section. */
  readonly tr?: true | undefined
  /** The encoded name of a query parameter, see {@link queryParam}. */
  readonly name?: string | undefined
}

/**
 * A signature with its input.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signature {
  /** The covered components and the parameters (`Signature-Input`). */
  readonly input: SignatureInput
  /** The signature value. */
  readonly value: Uint8Array
}

/**
 * Makes a component identifier.
 *
 * @example
 * import * as MessageSignature from "@countersign/protocol/MessageSignature"
 *
 * MessageSignature.component("content-digest", { req: true })
 *
 * @param name a field name in lower case, or a derived component such as `@method`
 * @param parameters none by default
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2
 * @since 0.1.0
 * @category constructors
 */
export const component = (name: string, parameters: ComponentParameters = {}): Component => ({
  name,
  params: paramsOf({ ...parameters })
})

/**
 * Makes the identifier of a query parameter: `@query-param` with the name as RFC 9421 encodes it.
 *
 * @param name the decoded name, such as `first name`
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2.2.8
 * @since 0.1.0
 * @category constructors
 */
export const queryParam = (name: string): Component => component("@query-param", { name: encodeQuery(name) })

/**
 * Makes the input of a signature.
 *
 * @example
 * import * as MessageSignature from "@countersign/protocol/MessageSignature"
 *
 * MessageSignature.make(["@method", "@authority", MessageSignature.queryParam("page")], {
 *   created: 1618884473,
 *   keyid: "test-key-ed25519"
 * })
 *
 * @param components in the order of the signature base. A text is a component without parameters
 * @param metadata parameters, in the order of the object's members. Times are in seconds
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2.3
 * @since 0.1.0
 * @category constructors
 */
export const make = (components: ReadonlyArray<string | Component>, metadata: Metadata = {}): SignatureInput =>
  inputOf(components, { ...metadata })

/**
 * Reads the parameters of a signature that RFC 9421 defines. A parameter of another type is ignored, but the parsers of this
 * module reject it before.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2.3
 * @since 0.1.0
 * @category getters
 */
export const metadata = ({ params }: SignatureInput): Metadata => ({
  created: secondsOf(params, "created"),
  expires: secondsOf(params, "expires"),
  nonce: textOf(params, "nonce"),
  alg: textOf(params, "alg"),
  keyid: textOf(params, "keyid"),
  tag: textOf(params, "tag")
})

/**
 * Builds the signature base of a request or a response: the text to sign or to verify.
 *
 * Lines of a field are joined with a comma and a space. Whitespace at their ends is removed, and an obsolete line folding
 * becomes a space. The URL of the request is normalized as by a URL parser, but its percent-encoding stays unchanged.
 *
 * The types of the structured fields of RFCs are known, such as `content-digest` and `priority`. Others are given in
 * `fieldTypes`, for components with `sf`.
 *
 * @example
 * import * as MessageSignature from "@countersign/protocol/MessageSignature"
 *
 * const input = MessageSignature.make(["@method", "@path", "date"], { created: 1618884473, keyid: "my-key" })
 * const request = {
 *   method: "POST",
 *   url: "https://example.com/foo?param=Value",
 *   headers: { date: "Tue, 20 Apr 2021 02:07:55 GMT" }
 * }
 * MessageSignature.base(request, input)
 *
 * @param message the request or response to sign
 * @param fieldTypes types of further structured fields by lower-case name
 * @returns the signature base without a newline at its end, or the first failure
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-2.5
 * @since 0.1.0
 * @category encoding
 */
export const base = (
  message: Request | Response,
  input: SignatureInput,
  fieldTypes: Readonly<Record<string, FieldType>> = {}
): Ok<string> | BaseFailure => SignatureBase.make(message, input, fieldTypes)

/**
 * Formats `Signature-Input` and `Signature`.
 *
 * @param signatures by label, which the signer chooses
 * @returns the values of both fields by lower-case name
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-4
 * @since 0.1.0
 * @category encoding
 */
export const format = (
  signatures: Iterable<readonly [label: string, signature: Signature]>
): Result<{ readonly "signature-input": string; readonly signature: string }, FormatReason> => {
  const all = Array.from(new Map(signatures))
  const input = SignatureFields.formatInputs(all.map(([label, one]) => [label, one.input]))
  if (input._tag === "Err") return input
  const signature = SignatureFields.formatSignatures(all.map(([label, one]) => [label, one.value]))
  return signature._tag === "Ok" ? ok({ "signature-input": input.value, signature: signature.value }) : signature
}

/**
 * Parses the fields `Signature-Input` and `Signature` of a message. Both must have the same labels. Without both fields there
 * are no signatures.
 *
 * @example
 * import * as MessageSignature from "@countersign/protocol/MessageSignature"
 *
 * const signatures = MessageSignature.parse({
 *   "signature-input": 'sig=("@status");created=1618884473;keyid="my-key"',
 *   signature: "sig=:AAEC:"
 * })
 * if (signatures._tag === "Ok") signatures.value.get("sig")
 *
 * @param headers fields of the message, or of its trailer section
 * @returns signatures by label
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-3.2
 * @since 0.1.0
 * @category decoding
 */
export const parse = (headers: Fields): Result<ReadonlyMap<string, Signature>, ParseReason> => {
  const inputs = parseInput(headers["signature-input"] ?? "")
  if (inputs._tag === "Err") return inputs
  const values = parseSignature(headers["signature"] ?? "")
  if (values._tag === "Err") return values
  if (values.value.size !== inputs.value.size) return err("UnpairedLabel")
  const signatures = new Map<string, Signature>()
  for (const [label, input] of inputs.value) {
    const value = values.value.get(label)
    if (value === undefined) return err("UnpairedLabel")
    signatures.set(label, { input, value })
  }
  return ok(signatures)
}

/**
 * Parses the field `Signature-Input`. Unknown parameters of signatures are kept.
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns inputs of signatures by label
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-4.1
 * @since 0.1.0
 * @category decoding
 */
export const parseInput = (
  fieldValues: string | ReadonlyArray<string>
): Result<ReadonlyMap<string, SignatureInput>, ParseReason> =>
  SignatureFields.parseInputs(fieldValues, StructuredField.maxLength, SignatureFields.signatureParameters)

/**
 * Parses the field `Signature`.
 *
 * @param fieldValues the field value, or the values of its lines
 * @returns signature values by label
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-4.2
 * @since 0.1.0
 * @category decoding
 */
export const parseSignature = (
  fieldValues: string | ReadonlyArray<string>
): Result<ReadonlyMap<string, Uint8Array>, ParseReason> =>
  SignatureFields.parseSignatures(fieldValues, StructuredField.maxLength)

/**
 * Describes why there is no signature base, for an error message: what is wrong, and what to use instead. It contains nothing
 * of the input.
 *
 * @since 0.1.0
 * @category conversions
 */
export const explain = (reason: BaseReason): string => explanations[reason]

const secondsOf = (params: StructuredField.Parameters, name: string): number | undefined => {
  const value = params.get(name)
  return value?._tag === "Integer" ? value.value : undefined
}

const textOf = (params: StructuredField.Parameters, name: string): string | undefined => {
  const value = params.get(name)
  return value?._tag === "String" ? value.value : undefined
}
