/** Compliance fixes for the responses of several providers. */

/** Replaces the commas in `scope` by spaces. */
export const normalizeScopes = (body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const { scope } = body
  return typeof scope === "string" ? { ...body, scope: scope.split(",").join(" ") } : body
}
