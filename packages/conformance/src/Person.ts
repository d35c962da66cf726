/** Somebody with a browser that keeps cookies and follows redirects, up to the one that leaves the server. */
import * as Effect from "effect/Effect"

/** What somebody does on the server's pages. */
export interface Person {
  /** Signs in and agrees, and gives the callback. */
  readonly signsIn: (url: string, login?: string) => Effect.Effect<string>
  /** Goes away from the page on which to sign in, and gives the callback. */
  readonly declines: (url: string) => Effect.Effect<string>
  /** Types the code of a device, agrees that it is theirs, signs in and agrees. */
  readonly approves: (url: string, userCode: string) => Effect.Effect<void>
  /** Types the code of a device, and says that it is not theirs. */
  readonly denies: (url: string, userCode: string) => Effect.Effect<void>
}

interface Page {
  readonly at: URL
  readonly text: string
}

type Go = (at: URL, form?: Readonly<Record<string, string>>) => Promise<Page>

/** Where a request ends: at a page of the server, or at an address that is not its own. */
const browsing = (signal: AbortSignal): Go => {
  const cookies = new Map<string, string>()

  const keep = (response: Response) => {
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === "") cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  const go: Go = async (at, form) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ")
    const response = await fetch(at, {
      redirect: "manual",
      headers: { cookie },
      signal,
      ...(form !== undefined && { method: "POST", body: new URLSearchParams(form) })
    })
    keep(response)
    const location = response.headers.get("location")
    const text = await response.text()
    if (location === null) {
      if (response.status !== 200) throw new Error(`${at.pathname} answered ${response.status}: ${text.slice(0, 200)}`)
      return { at, text }
    }
    const next = new URL(location, at)
    return next.origin === at.origin ? go(next) : { at: next, text: "" }
  }
  return go
}

const isInteraction = ({ at }: Page): boolean => at.pathname.startsWith("/interaction/")

/** The two pages that oidc-provider has for development: who it is, and whether they agree. */
const through = async (go: Go, page: Page, login: string): Promise<Page> => {
  if (!isInteraction(page)) return page
  const consent = await go(page.at, { prompt: "login", login, password: "any" })
  return isInteraction(consent) ? go(consent.at, { prompt: "consent" }) : consent
}

/** The page that a code is typed on, and the one after that: what keeps others from sending its form stands in it. */
const typed = async (go: Go, url: string, userCode: string, decision: "abort" | "confirm"): Promise<Page> => {
  const page = await go(new URL(url))
  const at = new URL(page.at)
  at.search = ""
  const formOf = ({ text }: Page) => ({
    xsrf: /name="xsrf" value="([^"]+)"/.exec(text)?.[1] ?? "",
    user_code: userCode
  })
  const question = await go(at, formOf(page))
  return go(at, { ...formOf(question), [decision]: "yes" })
}

/** Somebody, with a browser that is as new as this call. */
export const person = (): Person => ({
  signsIn: (url, login = "ada") =>
    Effect.promise(async (signal) => {
      const go = browsing(signal)
      return (await through(go, await go(new URL(url)), login)).at.href
    }),
  declines: (url) =>
    Effect.promise(async (signal) => {
      const go = browsing(signal)
      const page = await go(new URL(url))
      return (await go(new URL(`${page.at.href}/abort`))).at.href
    }),
  approves: (url, userCode) =>
    Effect.promise(async (signal) => {
      const go = browsing(signal)
      const { text } = await through(go, await typed(go, url, userCode, "confirm"), "ada")
      if (!text.includes("success")) throw new Error("the page does not say that the device may go on")
    }),
  denies: (url, userCode) =>
    Effect.promise(async (signal) => void (await typed(browsing(signal), url, userCode, "abort")))
})
