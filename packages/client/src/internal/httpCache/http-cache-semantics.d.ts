/** As much of the package's interface as is used here; it ships no types of its own. */
declare module "http-cache-semantics" {
  interface Message {
    readonly headers: Readonly<Record<string, string>>
  }

  export default class CachePolicy {
    constructor(
      request: Message & { readonly method: string; readonly url: string },
      response: Message & { readonly status: number },
      options: { readonly shared: boolean; readonly cacheHeuristic: number }
    )
    now(): number
    storable(): boolean
    stale(): boolean
    evaluateRequest(request: Message): { readonly revalidation: { readonly synchronous: boolean } | undefined }
    revalidatedPolicy(request: Message, response: Message & { readonly status: number }): { readonly matches: boolean }
  }
}
