/** Parameters of a query that a scheme replaces. */

/** Removes the query parameters with this name. The rest of the query stays byte for byte. */
export const withoutParameter = (url: string, name: string): string => {
  const [target = "", hash] = url.split(/(?=#)/, 2)
  const start = target.indexOf("?")
  const pairs = start === -1 ? [] : target.slice(start + 1).split("&")
  const others = pairs.filter((pair) => !new URLSearchParams(pair).has(name))
  if (others.length === pairs.length) return url
  return target.slice(0, start) + (others.length === 0 ? "" : `?${others.join("&")}`) + (hash ?? "")
}
