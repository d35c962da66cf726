/** Memory that is in use after a garbage collection. The process has the flag `--expose-gc`. */

/** Bytes of the heap and of buffers. */
export const used = (): number => {
  // Twice, because the second run collects what finalizers of the first one released.
  globalThis.gc?.()
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
