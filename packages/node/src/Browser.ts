/**
 * The browser of whoever sits in front of this program.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as OpenBrowser from "./internal/signIn/openBrowser.js"

/**
 * No browser was opened. `url` is what was to be opened, for a person to open it, where it is one that may be; `message`
 * has it too.
 *
 * @since 0.1.0
 * @category errors
 */
export class BrowserError
  extends /* @__PURE__ */ Data.TaggedError("BrowserError")<{
    readonly detail: string
    readonly url?: string | undefined
    readonly message: string
  }>
{
  constructor(fields: Pick<BrowserError, "detail" | "url">) {
    const advice = fields.url === undefined ? "" : `; open this URL yourself: ${fields.url}`
    super({ ...fields, message: `No browser was opened: ${fields.detail}${advice}` })
  }
}

/**
 * Opens URLs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Has a URL opened, and waits for no more than that. Only https, and http on loopback: anything else is not for a browser
   * to open on the word of a server.
   *
   * Fails with {@link BrowserError} where the URL is none of those, and where nothing opens it.
   */
  readonly open: (url: string) => Effect.Effect<void, BrowserError>
}

/**
 * The browser.
 *
 * @since 0.1.0
 * @category tags
 */
export class Browser extends /* @__PURE__ */ Context.Tag("@countersign/node/Browser")<Browser, Service>() {}

/**
 * What opens a URL.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A program and its arguments, before the URL: the system's own when left out. No shell reads it. */
  readonly command?: readonly [program: string, ...rest: ReadonlyArray<string>] | undefined
}

const unsafeUrl = new BrowserError({ detail: "what was to be opened is neither https nor http on this machine" })

/**
 * Opens URLs by what the system has for it: `xdg-open`, `open` of macOS, or `FileProtocolHandler` of Windows, with the URL
 * as one argument that no shell reads, and without the characters that a script in between could take for its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ command }: Options = {}): Service => ({
  open: (text) =>
    Effect.suspend(() => {
      const url = OpenBrowser.safeUrl(text)
      if (url === undefined) return Effect.fail(unsafeUrl)
      return Effect.mapError(
        OpenBrowser.run(command ?? OpenBrowser.systemCommand(process.platform, process.env), url),
        (detail) => new BrowserError({ detail, url })
      )
    })
})

/**
 * {@link make} as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Browser> => Layer.sync(Browser, () => make(options))

/**
 * Opens nothing: for a program without a screen, where somebody is to open the URL elsewhere.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<Browser> = /* @__PURE__ */ Layer.succeed(Browser, {
  open: (text) => {
    const url = OpenBrowser.safeUrl(text)
    return Effect.fail(url === undefined ? unsafeUrl : new BrowserError({ detail: "there is none", url }))
  }
})
