/**
 * The layers, `protocol ← client ← auth ← node`: the packages that each package may import. `testing` is beside `node`:
 * tests of `node` can import it, sources cannot.
 */
export const mayImport = {
  protocol: [],
  client: ["protocol"],
  auth: ["protocol", "client"],
  node: ["protocol", "client", "auth"],
  testing: ["protocol", "client", "auth"],
  examples: ["protocol", "client", "auth", "node", "testing"],
  bench: ["protocol", "client", "auth", "node", "testing"],
  stress: ["protocol", "client", "auth", "node", "testing", "bench"],
  conformance: ["protocol", "client", "auth", "node", "testing"]
}

/** The package and folder of a file: `{ name: "auth", part: "src" }`. */
export const ownerOf = (filename) => {
  const match = /(?:^|\/)packages\/([^/]+)\/(src|test)\//.exec(filename.replaceAll("\\", "/"))
  return match === null ? undefined : { name: match[1], part: match[2] }
}
