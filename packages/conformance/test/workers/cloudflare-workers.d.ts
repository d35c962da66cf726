/** The part of the runtime's own module that the workers here use. */
declare module "cloudflare:workers" {
  /** The bindings of the worker's configuration. */
  export const env: { readonly BACKEND: string }
  /** Keeps the current request alive until the promise settles. */
  export const waitUntil: (work: Promise<unknown>) => void
}
