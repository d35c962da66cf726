/** The JSON of the responses: 400 bytes. */
const base = {
  id: 4711,
  name: "Ada Lovelace",
  email: "ada@example.com",
  active: true,
  balance: 1843.12,
  tags: ["analyst", "poet", "programmer"],
  address: { street: "12 St James's Square", city: "London", code: "SW1Y 4JH" },
  note: ""
}

const size = 400

/** The body of every response. */
export const payload: typeof base = {
  ...base,
  note: "n".repeat(size - Buffer.byteLength(JSON.stringify(base)))
}

/** Header fields that every client sends besides its default ones. */
export const headers: Readonly<Record<string, string>> = {
  accept: "application/json",
  authorization: "Bearer a-token-of-some-length-0123456789"
}

/** The token of {@link headers}. */
export const token = "a-token-of-some-length-0123456789"

/** Timeout of a call in milliseconds, for every client with a timeout option. */
export const timeout = 30_000
