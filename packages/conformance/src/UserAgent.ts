/** A simulated user with a browser, which stores cookies and follows redirects within the server's origin. */
import * as Effect from "effect/Effect"

/** Actions of a user on the server's pages. */
export interface UserAgent {
  /** Signs in, consents and returns the callback URL. */
  readonly signIn: (url: string, login?: string) => Effect.Effect<string>
  /** Cancels on the sign-in page and returns the callback URL. */
  readonly cancelSignIn: (url: string) => Effect.Effect<string>
  /** Enters the user code of a device, confirms it, signs in and consents. */
  readonly approveDevice: (url: string, userCode: string) => Effect.Effect<void>
  /** Enters the user code of a device and rejects it. */
  readonly denyDevice: (url: string, userCode: string) => Effect.Effect<void>
}

interface Page {
  readonly at: URL
  readonly text: string
}

type Go = (at: URL, form?: Readonly<Record<string, string>>) => Promise<Page>

/** Follows redirects to a page of the server, or to the first URL of another origin. */
const makeBrowser = (signal: AbortSignal): Go => {
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

/** Submits oidc-provider's two development pages: sign-in and consent. */
const signInAndConsent = async (go: Go, page: Page, login: string): Promise<Page> => {
  if (!isInteraction(page)) return page
  const consent = await go(page.at, { prompt: "login", login, password: "any" })
  return isInteraction(consent) ? go(consent.at, { prompt: "consent" }) : consent
}

/** Submits the user code page and the confirmation page. Each form needs the page's XSRF token. */
const enterUserCode = async (go: Go, url: string, userCode: string, decision: "abort" | "confirm"): Promise<Page> => {
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

/** A user. Each action uses a new browser without cookies. */
export const makeUserAgent = (): UserAgent => ({
  signIn: (url, login = "ada") =>
    Effect.promise(async (signal) => {
      const go = makeBrowser(signal)
      return (await signInAndConsent(go, await go(new URL(url)), login)).at.href
    }),
  cancelSignIn: (url) =>
    Effect.promise(async (signal) => {
      const go = makeBrowser(signal)
      const page = await go(new URL(url))
      return (await go(new URL(`${page.at.href}/abort`))).at.href
    }),
  approveDevice: (url, userCode) =>
    Effect.promise(async (signal) => {
      const go = makeBrowser(signal)
      const { text } = await signInAndConsent(go, await enterUserCode(go, url, userCode, "confirm"), "ada")
      if (!text.includes("success")) throw new Error("the page does not confirm the device")
    }),
  denyDevice: (url, userCode) =>
    Effect.promise(async (signal) => void (await enterUserCode(makeBrowser(signal), url, userCode, "abort")))
})
