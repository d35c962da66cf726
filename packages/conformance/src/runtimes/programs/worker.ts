/** A worker that runs the portable steps within one request: `/?httpbin=…&oauth=…`. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { run } from "./portable.js"

export default {
  fetch: async ({ url }: Request): Promise<Response> => {
    const query = new URL(url).searchParams
    const origins = { httpbin: query.get("httpbin") ?? "", oauth: query.get("oauth") ?? "" }
    return Response.json(await run(origins, FetchHttpClient.layer))
  }
}
