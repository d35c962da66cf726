/** A user with a browser that stores cookies and follows redirects within the server's origin. */
export const userAgent = () => {
  const cookies = new Map<string, string>()

  const keep = (response: Response) => {
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === "") cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  /** The last URL of a request: a page of the server, or the first URL of another origin. */
  const go = async (at: URL, form?: Record<string, string>): Promise<URL> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ")
    const response = await fetch(at, {
      redirect: "manual",
      headers: { cookie },
      ...(form !== undefined && { method: "POST", body: new URLSearchParams(form) })
    })
    keep(response)
    const location = response.headers.get("location")
    if (location === null) {
      if (response.status !== 200) throw new Error(`${at.pathname} answered ${response.status}`)
      return at
    }
    const next = new URL(location, at)
    return next.origin === at.origin ? go(next) : next
  }

  return {
    /** Signs in and consents on the development pages of `oidc-provider`, and returns the callback URL. */
    signsIn: async (url: string, login = "ada"): Promise<string> => {
      const page = await go(new URL(url))
      if (!page.pathname.startsWith("/interaction/")) return page.href
      const consent = await go(page, { prompt: "login", login, password: "any" })
      return consent.pathname.startsWith("/interaction/")
        ? (await go(consent, { prompt: "consent" })).href
        : consent.href
    },
    declines: async (url: string): Promise<string> => {
      const page = await go(new URL(url))
      return (await go(new URL(`${page.href}/abort`))).href
    }
  }
}
