/**
 * Opens URLs in the user's web browser, for sign-in from a program
 * ([RFC 8252](https://www.rfc-editor.org/rfc/rfc8252)).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as OptionNames from "./internal/options/optionNames.js"
import * as OpenBrowser from "./internal/signIn/openBrowser.js"

/**
 * No browser was opened. `message` contains the URL, so that the user can open it by hand.
 *
 * @since 0.1.0
 * @category errors
 */
export class BrowserError
  extends /* @__PURE__ */ Data.TaggedError("BrowserError")<{
    /** Why no browser was opened. */
    readonly detail: string
    /** The URL to open by hand. Undefined if the URL is not safe to open. */
    readonly url?: string | undefined
    /** `detail`, and the URL to open by hand. */
    readonly message: string
  }>
{
  constructor(fields: Pick<BrowserError, "detail" | "url">) {
    const advice = fields.url === undefined ? "" : `. Open this URL yourself: ${fields.url}`
    super({ ...fields, message: `No browser was opened: ${fields.detail}${advice}` })
  }
}

/**
 * The service behind {@link Browser}: opens URLs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Opens a URL in the browser. It succeeds when the browser was started, and does not wait for the page.
   *
   * Only `https:` URLs, and `http:` URLs on loopback, are opened: an authorization server may send any other URL. Fails
   * with {@link BrowserError} for any other URL, and when no program could open the URL.
   */
  readonly open: (url: string) => Effect.Effect<void, BrowserError>
}

/**
 * Service tag of the browser that `SignIn.withBrowser` opens.
 *
 * @since 0.1.0
 * @category tags
 */
export class Browser extends /* @__PURE__ */ Context.Tag("@countersign/node/Browser")<Browser, Service>() {}

/**
 * Options of {@link make} and {@link layer}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The program that opens URLs, and its arguments before the URL. Default: the program of the operating system. The
   * command does not run in a shell.
   */
  readonly command?: readonly [program: string, ...rest: ReadonlyArray<string>] | undefined
}

const names: OptionNames.ShapeOf<Options> = { command: true }

const unsafeUrl = new BrowserError({ detail: "the URL is neither https nor http on loopback" })

/**
 * Makes the service that opens URLs with the operating system: `xdg-open` on Linux, `open` on macOS,
 * `FileProtocolHandler` on Windows.
 *
 * The URL is passed as one argument, without a shell. Characters that a script could interpret are percent-encoded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Service => {
  const { command } = OptionNames.known("`Browser`", options, names)
  return {
    open: (text) =>
      Effect.suspend(() => {
        const url = OpenBrowser.safeUrl(text)
        if (url === undefined) return Effect.fail(unsafeUrl)
        return Effect.mapError(
          OpenBrowser.run(command ?? OpenBrowser.systemCommand(process.platform, process.env), url),
          (detail) => new BrowserError({ detail, url })
        )
      })
  }
}

/**
 * Layer that opens URLs in the browser of the operating system.
 *
 * @example
 * import * as Browser from "@countersign/node/Browser"
 *
 * const BrowserLive = Browser.layer()
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Browser> => Layer.sync(Browser, () => make(options))

/**
 * Layer for a program without a browser, such as one in a container. `open` always fails, so that `SignIn.withBrowser`
 * shows the URL instead.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<Browser> = /* @__PURE__ */ Layer.succeed(Browser, {
  open: (text) => {
    const url = OpenBrowser.safeUrl(text)
    return Effect.fail(url === undefined ? unsafeUrl : new BrowserError({ detail: "this program has no browser", url }))
  }
})
