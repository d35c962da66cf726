/** Somebody with a browser that keeps cookies and follows redirects, up to the one that leaves the server. */
export const person = () => {
  const cookies = new Map<string, string>()

  const keep = (response: Response) => {
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === "") cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  /** Where a request ends: at a page of the server, or at an address that is not its own. */
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
    /** Signs in and agrees, on the pages that `oidc-provider` has for development, and gives the callback. */
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
