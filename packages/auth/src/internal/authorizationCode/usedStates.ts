/** Which sign-ins are over, for as long as somebody could try to use them again. */
export interface Used {
  /** Whether a state is seen for the first time; from then on it is not. `expiresAt` and `now` in epoch milliseconds. */
  readonly first: (state: string, expiresAt: number, now: number) => boolean
}

/** Whoever could fill this has sessions to make them with; what falls out is still refused by the server. */
const most = 10_000

export const makeUsed = (): Used => {
  const until = new Map<string, number>()
  // They are about as old as they are far in front.
  const forget = (now: number) => {
    for (const [state, expiresAt] of until) {
      if (expiresAt > now && until.size <= most) return
      until.delete(state)
    }
  }
  return {
    first: (state, expiresAt, now) => {
      if (until.has(state)) return false
      until.set(state, expiresAt)
      forget(now)
      return true
    }
  }
}
