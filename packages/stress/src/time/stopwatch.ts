/** Time that this process itself took. Other programs on the machine only add to the time on the clock. */

/**
 * Starts a measurement. Each call of the result returns the milliseconds since its start: on the clock, or CPU time of this
 * process if that is less because the machine ran other programs.
 */
export const start = (): (() => number) => {
  const startedAt = performance.now()
  const computed = process.cpuUsage()
  return () => {
    const { system, user } = process.cpuUsage(computed)
    return Math.min(performance.now() - startedAt, (user + system) / 1000)
  }
}
