/** States of sign-ins that are over, remembered until they expire. */
export interface UsedStates {
  /** Marks a state as used. False if it was used before. `expiresAt` and `now` are epoch milliseconds. */
  readonly claim: (state: string, expiresAt: number, now: number) => boolean
}

/** Only an owner of many sessions could fill this. The server still rejects the used code of an evicted state. */
const maxStates = 10_000

export const makeUsedStates = (): UsedStates => {
  const until = new Map<string, number>()
  // A map keeps the order of insertion, so the oldest states come first.
  const forget = (now: number) => {
    for (const [state, expiresAt] of until) {
      if (expiresAt > now && until.size <= maxStates) return
      until.delete(state)
    }
  }
  return {
    claim: (state, expiresAt, now) => {
      if (until.has(state)) return false
      until.set(state, expiresAt)
      forget(now)
      return true
    }
  }
}
