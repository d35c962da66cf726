/** A browser, which has no screen here. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { access, constants } from "node:fs/promises"
import { delimiter, join } from "node:path"
import type { Browser } from "playwright-core"
import { chromium } from "playwright-core"
import { Skipped } from "./Case.js"

const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

const isThere = (file: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    access(file, constants.X_OK).then(
      () => true,
      () => false
    )
  )

const missing = new Skipped({ message: "there is no chromium in PATH" })

const installed = Effect.gen(function* () {
  const path = yield* Config.string("PATH")
  const files = path.split(delimiter).map((folder) => join(folder, "chromium"))
  return yield* Effect.findFirst(files, isThere)
}).pipe(
  Effect.flatten,
  Effect.mapError(() => missing)
)

/** Starts the system's Chromium, which ends with the scope; skipped where there is none. */
export const start: Effect.Effect<Browser, Skipped, Scope.Scope> = Effect.flatMap(installed, (executablePath) =>
  Effect.acquireRelease(
    Effect.promise(() => chromium.launch({ executablePath, args })),
    (browser) => Effect.promise(() => browser.close())
  )
)

/** How long a page may take to come. */
const timeout = 20_000

/** Signs in and agrees on the pages of the server, and gives the heading of the page where that ends. */
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
