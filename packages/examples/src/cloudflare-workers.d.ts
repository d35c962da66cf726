/** The part of the runtime's own module that `worker.ts` uses. */
declare module "cloudflare:workers" {
  /** The bindings of the worker's configuration. */
  export const env: { readonly CLIENT_SECRET: string }
  /** Keeps the current request alive until the promise settles. */
  export const waitUntil: (work: Promise<unknown>) => void
}
