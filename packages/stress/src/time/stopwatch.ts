/** Time that this process takes, so far as the machine allows to tell: other programs only add to the time of the clock. */

/**
 * Starts a measurement. Each call of the result gives the milliseconds since its start: those of the clock, or those that
 * the process computed where that is less, because the machine ran other programs meanwhile.
 */
export const start = (): (() => number) => {
  const begun = performance.now()
  const computed = process.cpuUsage()
  return () => {
    const { system, user } = process.cpuUsage(computed)
    return Math.min(performance.now() - begun, (user + system) / 1000)
  }
}
