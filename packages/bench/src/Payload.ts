/** The JSON that is asked for: 400 bytes as it is sent. */
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

/** What every answer holds. */
export const payload: typeof base = {
  ...base,
  note: "n".repeat(size - Buffer.byteLength(JSON.stringify(base)))
}

/** What every client sends beside what it sends by itself. */
export const headers: Readonly<Record<string, string>> = {
  accept: "application/json",
  authorization: "Bearer a-token-of-some-length-0123456789"
}

/** The token of {@link headers}. */
export const token = "a-token-of-some-length-0123456789"

/** The timeout of a call, in milliseconds, of every client that has one. */
export const timeout = 30_000
