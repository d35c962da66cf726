/** State of one server. Servers share none. */
export interface State {
  /** Number of calls per counter (`?key=`). */
  readonly counts: Map<string, number>
  /** Tokens of `/countersign/token` with their expiry in epoch milliseconds. */
  readonly minted: Map<string, number>
  /** Tokens that `/countersign/bearer` rejects, per `?key=`. */
  readonly refused: Map<string, ReadonlySet<string>>
  /** Accepted nonces of `/countersign/signed`. */
  readonly nonces: Set<string>
  /** Nonce counts that were used at `/digest-auth`, by nonce. */
  readonly digestCounts: Map<string, Set<string>>
}

export interface Settings {
  readonly password: string | undefined
  readonly apiKeys: ReadonlySet<string>
  readonly signingKeys: ReadonlyMap<string, string>
}

export const make = (): State => ({
  counts: new Map(),
  minted: new Map(),
  refused: new Map(),
  nonces: new Set(),
  digestCounts: new Map()
})

/** Counts a call of `name`. Returns whether it is among the first `times`. */
export const isAmongFirst = (state: State, name: string, times: number): boolean => {
  const count = state.counts.get(name) ?? 0
  state.counts.set(name, count + 1)
  return count < times
}
