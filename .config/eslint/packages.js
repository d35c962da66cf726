/**
 * The layers, `protocol ← client ← auth ← node`: what each package may import besides itself. `testing` stands beside
 * `node`, so that a test of `node` can use it and what it tests never can.
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

/** Which package and which part of it a file belongs to: `{ name: "auth", part: "src" }`. */
export const ownerOf = (filename) => {
  const match = /(?:^|\/)packages\/([^/]+)\/(src|test)\//.exec(filename.replaceAll("\\", "/"))
  return match === null ? undefined : { name: match[1], part: match[2] }
}
