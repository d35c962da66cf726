/**
 * The layers, `protocol ← client ← auth ← node`: the packages that each package may import. `redis`, `sql` and `testing`
 * are beside `node`: tests of these can import `testing`, sources cannot.
 */
export const mayImport = {
  protocol: [],
  client: ["protocol"],
  auth: ["protocol", "client"],
  node: ["protocol", "client", "auth"],
  redis: ["protocol", "client", "auth"],
  sql: ["protocol", "client", "auth"],
  testing: ["protocol", "client", "auth"],
  examples: ["protocol", "client", "auth", "node", "redis", "sql", "testing"],
  bench: ["protocol", "client", "auth", "node", "redis", "sql", "testing"],
  stress: ["protocol", "client", "auth", "node", "redis", "sql", "testing", "bench"],
  conformance: ["protocol", "client", "auth", "node", "redis", "sql", "testing"]
}

/** The package and folder of a file: `{ name: "auth", part: "src" }`. */
export const ownerOf = (filename) => {
  const match = /(?:^|\/)packages\/([^/]+)\/(src|test)\//.exec(filename.replaceAll("\\", "/"))
  return match === null ? undefined : { name: match[1], part: match[2] }
}
