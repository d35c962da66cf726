/** What more than one provider's answers need. */

/** Scopes that are separated by commas, as a list of OAuth. */
export const spacedScopes = (body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const { scope } = body
  return typeof scope === "string" ? { ...body, scope: scope.split(",").join(" ") } : body
}
