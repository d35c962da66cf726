import { ok, type Ok, type Result } from "../Result.js"
import { valueOf, type Context } from "./SignatureComponent.js"
import type { Component, FieldType, Request, Response, SignatureInput } from "./SignatureModel.js"
import type { BaseReason } from "./SignatureReason.js"
import * as SignatureSource from "./SignatureSource.js"
import type { InnerList, Item } from "./StructuredModel.js"
import { serializeMember } from "./StructuredSerializer.js"

/**
 * Why there is no signature base, and the component that is the reason.
 *
 * @since 0.1.0
 * @category models
 */
export interface BaseFailure {
  readonly _tag: "Err"
  readonly reason: BaseReason
  /**
   * The component identifier as it is sent, such as `"example-dict";key="a"`. It may come from another party. Empty if no
   * single component is the reason.
   */
  readonly component: string
}

/** Types of the structured fields that RFCs define. */
const registered: Readonly<Record<string, FieldType>> = {
  "accept-ch": "list",
  "accept-signature": "dictionary",
  "cache-group-invalidation": "list",
  "cache-groups": "list",
  "cache-status": "list",
  "capsule-protocol": "item",
  "cdn-cache-control": "dictionary",
  "client-cert": "item",
  "client-cert-chain": "list",
  "content-digest": "dictionary",
  deprecation: "item",
  priority: "dictionary",
  "proxy-status": "list",
  "repr-digest": "dictionary",
  signature: "dictionary",
  "signature-input": "dictionary",
  "want-content-digest": "dictionary",
  "want-repr-digest": "dictionary"
}

/**
 * The signature base of a message (RFC 9421 §2.5).
 *
 * @internal
 */
export const make = (
  message: Request | Response,
  input: SignatureInput,
  fieldTypes: Readonly<Record<string, FieldType>>
): Ok<string> | BaseFailure => {
  const context: Context = {
    target: SignatureSource.make(message),
    request: requestOf(message),
    typeOf: (name) => ownOf(fieldTypes, name) ?? ownOf(registered, name)
  }
  const seen = new Set<string>()
  let text = ""
  for (const component of input.components) {
    const identifier = serializeMember(item(component))
    // The name or a parameter cannot be serialized.
    if (identifier._tag === "Err") return failure("InvalidComponent", "")
    const identity = identityOf(component)
    if (seen.has(identity)) return failure("DuplicateComponent", identifier.value)
    seen.add(identity)
    const value = valueOf(component, context)
    if (value._tag === "Err") return failure(value.reason, identifier.value)
    text += `${identifier.value}: ${value.value}\n`
  }
  const params = signatureParams(input)
  return params._tag === "Ok"
    ? ok(`${text}"@signature-params": ${params.value}`)
    : failure("InvalidSignatureParams", "")
}

/**
 * The value of `@signature-params`: the components and the parameters of a signature.
 *
 * @internal
 */
export const signatureParams = (input: SignatureInput): Result<string, "InvalidSignatureParams"> => {
  const text = serializeMember(innerList(input))
  return text._tag === "Ok" ? text : { _tag: "Err", reason: "InvalidSignatureParams" }
}

/**
 * The Inner List of a signature.
 *
 * @internal
 */
export const innerList = ({ components, params }: SignatureInput): InnerList => ({
  _tag: "InnerList",
  items: components.map(item),
  params
})

const item = ({ name, params }: Component): Item => ({
  _tag: "Item",
  value: { _tag: "String", value: name },
  params
})

/** A text that is equal for equal identifiers. The order of parameters is not significant (RFC 9421 §2). */
const identityOf = ({ name, params }: Component): string => {
  const sorted = Array.from(params).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = serializeMember(item({ name, params: new Map(sorted) }))
  return text._tag === "Ok" ? text.value : name
}

const requestOf = (message: Request | Response): SignatureSource.Source | undefined => {
  const request = "status" in message ? message.request : undefined
  return request === undefined ? undefined : SignatureSource.make(request)
}

const ownOf = (types: Readonly<Record<string, FieldType>>, name: string): FieldType | undefined =>
  Object.hasOwn(types, name) ? types[name] : undefined

const failure = (reason: BaseReason, component: string): BaseFailure => ({ _tag: "Err", reason, component })
