/** Headless Chromium. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { access, constants } from "node:fs/promises"
import { delimiter, join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { chromium } from "playwright-core"
import { CaseSkipped } from "./Case.js"

const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

const isThere = (file: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    access(file, constants.X_OK).then(
      () => true,
      () => false
    )
  )

const missing = new CaseSkipped({ message: "chromium is not in PATH" })

const installed = Effect.gen(function* () {
  const path = yield* Config.string("PATH")
  const files = path.split(delimiter).map((folder) => join(folder, "chromium"))
  return yield* Effect.findFirst(files, isThere)
}).pipe(
  Effect.flatten,
  Effect.mapError(() => missing)
)

/** Starts the system's Chromium, which ends with the scope. Without it, the case is skipped. */
const startWith = (more: ReadonlyArray<string>): Effect.Effect<Browser, CaseSkipped, Scope.Scope> =>
  Effect.flatMap(installed, (executablePath) =>
    Effect.acquireRelease(
      Effect.promise(() => chromium.launch({ executablePath, args: [...args, ...more] })),
      (browser) => Effect.promise(() => browser.close())
    )
  )

export const start: Effect.Effect<Browser, CaseSkipped, Scope.Scope> = startWith([])

/** Chromium that allows requests to each origin, because the servers of the cases send no CORS fields. */
export const withoutCors: Effect.Effect<Browser, CaseSkipped, Scope.Scope> = startWith(["--disable-web-security"])

/** Opens a page that runs a script first, also after each navigation. Returns a function that evaluates expressions in it. */
export const openWith = async (browser: Browser, script: string): Promise<Page> => {
  const page = await browser.newPage()
  page.setDefaultTimeout(timeout)
  await page.addInitScript({ content: script })
  return page
}

/** Runs a script in a page, and returns the value of an expression in it. */
export const evaluate = async (browser: Browser, url: string, script: string, expression: string): Promise<unknown> => {
  const page = await openWith(browser, script)
  await page.goto(url)
  return page.evaluate(expression)
}

/** Time limit for a page. */
const timeout = 20_000

/** Signs in and consents on the server's pages, and returns the text of the last page. */
export const signsIn = async (browser: Browser, url: string, login: string): Promise<string> => {
  const page = await browser.newPage()
  page.setDefaultTimeout(timeout)
  await page.goto(url)
  await page.fill("[name=login]", login)
  await page.fill("[name=password]", "any")
  await page.click("[type=submit]")
  await page.click("[type=submit]:has-text('Continue')")
  await page.waitForURL("**/callback**")
  return (await page.textContent("body"))?.trim().replace(/\s+/g, " ") ?? ""
}
