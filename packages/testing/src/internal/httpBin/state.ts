/** What one server remembers; nothing of it is shared by two servers. */
export interface State {
  /** How often each counter of a `?key=` was asked. */
  readonly counts: Map<string, number>
  /** Tokens that `/countersign/token` gave out, with the moment (epoch milliseconds) at which each ends. */
  readonly minted: Map<string, number>
  /** The tokens that `/countersign/bearer` refused at first sight, for each `?key=`. */
  readonly refused: Map<string, ReadonlySet<string>>
  /** Nonces that `/countersign/signed` has accepted. */
  readonly nonces: Set<string>
}

export interface Settings {
  readonly password: string | undefined
  readonly apiKeys: ReadonlySet<string>
  readonly signingKeys: ReadonlyMap<string, string>
}

export const make = (): State => ({ counts: new Map(), minted: new Map(), refused: new Map(), nonces: new Set() })

/** Counts a call of `name` and tells whether it is among the first `times`. */
export const isAmongFirst = (state: State, name: string, times: number): boolean => {
  const count = state.counts.get(name) ?? 0
  state.counts.set(name, count + 1)
  return count < times
}
