/**
 * Why there is no signature base.
 *
 * - `InvalidComponent`: the name of a component is neither a derived component nor a field name in lower case.
 * - `DuplicateComponent`: two components have the same name and the same parameters, in any order.
 * - `UnknownDerivedComponent`: RFC 9421 does not define it, or it is `@signature-params`, which no signature may list.
 * - `UnknownParameter`: the component has a parameter that is unknown, or that belongs to other components.
 * - `InvalidParameter`: a flag (`sf`, `bs`, `req`, `tr`) is not the Boolean `true`, `key` or `name` is no String, or
 *   `@query-param` has no `name`.
 * - `IncompatibleParameters`: `bs` together with `sf` or `key`.
 * - `WrongTarget`: `req` or `@status` in a request, or a component of requests in a response without `req`.
 * - `MissingRequest`: `req` in a response without `request`.
 * - `MissingField`: the message has no such field.
 * - `MissingMember`: the Dictionary has no member `key`.
 * - `MissingQueryParameter`, `RepeatedQueryParameter`: the query has no parameter `name`, or more than one.
 * - `UnknownFieldType`: `sf` for a field of unknown type, or `key` for a List or an Item.
 * - `MalformedField`: the field is no structured field of its type.
 * - `InvalidUrl`: `url` is not an absolute http or https URL.
 * - `InvalidStatus`: the status is not an integer of three digits.
 * - `NewlineInValue`, `ControlCharacter`, `NonAsciiValue`: a value contains such a character. `bs` can cover a field with
 *   octets above 127.
 * - `InvalidValue`: a derived value begins or ends with whitespace.
 * - `InvalidSignatureParams`: a parameter of the signature cannot be serialized, such as a `created` with a fraction.
 *
 * @since 0.1.0
 * @category models
 */
export type BaseReason =
  | "InvalidComponent"
  | "DuplicateComponent"
  | "UnknownDerivedComponent"
  | "UnknownParameter"
  | "InvalidParameter"
  | "IncompatibleParameters"
  | "WrongTarget"
  | "MissingRequest"
  | "MissingField"
  | "MissingMember"
  | "MissingQueryParameter"
  | "RepeatedQueryParameter"
  | "UnknownFieldType"
  | "MalformedField"
  | "InvalidUrl"
  | "InvalidStatus"
  | "NewlineInValue"
  | "ControlCharacter"
  | "NonAsciiValue"
  | "InvalidValue"
  | "InvalidSignatureParams"

/** @internal */
export const explanations: Readonly<Record<BaseReason, string>> = {
  InvalidComponent:
    "The name of a component is invalid. Use a field name in lower case, or a derived component such as @method.",
  DuplicateComponent: "A component is listed twice. List each component with its parameters once.",
  UnknownDerivedComponent:
    "A derived component is unknown. Use one of RFC 9421 §2.2, such as @method, without @signature-params.",
  UnknownParameter: "A component has a parameter that does not apply to it. Remove the parameter.",
  InvalidParameter: "A parameter of a component has the wrong type. Flags are true, and `key` and `name` are texts.",
  IncompatibleParameters: "A component has `bs` together with `sf` or `key`. Use one of them.",
  WrongTarget:
    "A component belongs to the other kind of message. In a response, add `req` to components of its request.",
  MissingRequest: "A component has `req`, and the request of the response is not given. Set `request`.",
  MissingField: "The message has no such field. Send the field, or do not list it.",
  MissingMember: "The field has no member of this `key`. Send the member, or do not list it.",
  MissingQueryParameter: "The query has no parameter of this name. Encode the name, or do not list it.",
  RepeatedQueryParameter: "The query has several parameters of this name. List @query instead.",
  UnknownFieldType:
    "The type of the structured field is unknown or has no members. Set it in `fieldTypes`, or remove the parameter.",
  MalformedField: "The field is no structured field of its type. Remove `sf` or `key`, or correct the field.",
  InvalidUrl: "The URL is not an absolute http or https URL. Use the target URI of the request.",
  InvalidStatus: "The status is not an integer of three digits. Use the status code of the response.",
  NewlineInValue: "A value contains a newline. Remove it.",
  ControlCharacter: "A value contains a control character. Remove it.",
  NonAsciiValue: "A value contains a character outside ASCII. Encode it, or cover the field with `bs`.",
  InvalidValue: "A value begins or ends with whitespace. Remove it.",
  InvalidSignatureParams:
    "A parameter of the signature cannot be serialized. Use whole seconds, and texts in printable ASCII."
}
