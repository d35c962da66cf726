/** Every case by its name. A process loads only the case that it measures. */
import type { Case } from "../Case.js"

/** The names, in the order of the report and of each round. */
export const names = [
  "undici.request",
  "undici.dispatch",
  "node:http",
  "fetch",
  "got",
  "ky",
  "axios",
  "ofetch",
  "platform.undici",
  "platform.equivalent",
  "ours.transport",
  "ours.default",
  "ours.full",
  "ours.full.traced",
  "ours.schema"
] as const

/** The name of a case. */
export type Name = (typeof names)[number]

/** Loads a case. */
export const load: Readonly<Record<Name, () => Promise<Case>>> = {
  "undici.request": async () => (await import("./undici.js")).undiciRequest,
  "undici.dispatch": async () => (await import("./undici.js")).undiciDispatch,
  "node:http": async () => (await import("./nodeHttp.js")).nodeHttp,
  fetch: async () => (await import("./fetch.js")).nativeFetch,
  got: async () => (await import("./got.js")).gotCase,
  ky: async () => (await import("./ky.js")).kyCase,
  axios: async () => (await import("./axios.js")).axiosCase,
  ofetch: async () => (await import("./ofetch.js")).ofetchCase,
  "platform.undici": async () => (await import("./platform.js")).platformUndici,
  "platform.equivalent": async () => (await import("./platform.js")).platformEquivalent,
  "ours.transport": async () => (await import("./ours.js")).oursTransport,
  "ours.default": async () => (await import("./ours.js")).oursDefault,
  "ours.full": async () => (await import("./ours.js")).oursFull,
  "ours.full.traced": async () => (await import("./ours.js")).oursFullTraced,
  "ours.schema": async () => (await import("./ours.js")).oursSchema
}
