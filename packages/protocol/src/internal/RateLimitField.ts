import type { Parameters } from "./StructuredModel.js"
import { parseList } from "./StructuredParser.js"

/**
 * A member of `RateLimit` or `RateLimit-Policy`: the name of a policy with parameters.
 *
 * @internal
 */
export interface Policy {
  readonly name: string
  readonly params: Parameters
}

/**
 * Parses the members of a field. Members without a name are ignored. A malformed field has no members.
 *
 * @internal
 */
export const parse = (text: string | undefined): ReadonlyArray<Policy> => {
  const list = text === undefined ? [] : parseList(text)
  if (typeof list === "string") return []
  return list.flatMap((member) => {
    const name = member._tag === "Item" ? member.value : undefined
    return name?._tag === "String" || name?._tag === "Token" ? [{ name: name.value, params: member.params }] : []
  })
}

/**
 * The value of a parameter that is a non-negative Integer.
 *
 * @internal
 */
export const integer = (params: Parameters | undefined, name: string): number | undefined => {
  const value = params?.get(name)
  return value?._tag === "Integer" && value.value >= 0 ? value.value : undefined
}
