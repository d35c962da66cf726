import type { Component, SignatureInput } from "./SignatureModel.js"
import type { BareItem, Parameters } from "./StructuredModel.js"

/** Members of an object that become parameters. */
type Members = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * Makes the input of a signature from names or components, and parameters.
 *
 * @internal
 */
export const inputOf = (components: ReadonlyArray<string | Component>, params: Members): SignatureInput => ({
  components: components.map((one) => (typeof one === "string" ? { name: one, params: paramsOf({}) } : one)),
  params: paramsOf(params)
})

/**
 * Makes parameters of the members of an object, in their order. Members that are undefined are left out.
 *
 * @internal
 */
export const paramsOf = (members: Members): Parameters => {
  const params = new Map<string, BareItem>()
  for (const [name, value] of Object.entries(members)) {
    if (typeof value === "string") params.set(name, { _tag: "String", value })
    if (typeof value === "number") params.set(name, { _tag: "Integer", value })
    if (typeof value === "boolean") params.set(name, { _tag: "Boolean", value })
  }
  return params
}
