/** Links to headings of the built site. VitePress reports links to missing pages, and this finds links to missing headings. */
import { readdirSync, readFileSync } from "node:fs"
import { join, posix, sep } from "node:path"

const valuesOf = (html: string, attribute: string): ReadonlyArray<string> =>
  [...html.matchAll(new RegExp(`\\s${attribute}="([^"]*)"`, "g"))].map(([, value = ""]) => decodeURI(value))

/** The links of a page to headings: the page and the anchor. */
const anchorsOf = (page: string, html: string): ReadonlyArray<readonly [page: string, anchor: string]> =>
  valuesOf(html, "href").flatMap((href) => {
    const [path = "", anchor = ""] = href.split("#")
    if (anchor === "" || /^[a-z]+:/i.test(path)) return []
    const target = path === "" ? page : path.startsWith("/") ? path.slice(1) : posix.join(posix.dirname(page), path)
    return [[target === "" || target.endsWith("/") ? `${target}index.html` : target, anchor]]
  })

/** Reports links to headings that do not exist, given the HTML of each page. */
export const deadAnchorsIn = (pages: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const ids = new Map([...pages].map(([page, html]) => [page, new Set(valuesOf(html, "id"))]))
  return [...pages].flatMap(([page, html]) =>
    anchorsOf(page, html)
      .filter(([target, anchor]) => ids.get(target)?.has(anchor) !== true)
      .map(([target, anchor]) => `${page} links to #${anchor}: ${target} has no such heading. Change the link.`)
  )
}

/** Reports links to headings that do not exist in a folder of a built site. */
export const deadAnchors = (folder: string): ReadonlyArray<string> => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html"))
  return deadAnchorsIn(
    new Map(files.map((file) => [file.split(sep).join("/"), readFileSync(join(folder, file), "utf8")]))
  )
}
