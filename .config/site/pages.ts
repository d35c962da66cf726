/** The pages of the site from the documents of the repository. Their links lead to pages, or to files at the code host. */
import { posix } from "node:path"
import { parse } from "../docs/markdown.js"
import { introduction } from "../docs/roots.js"
import { modulesOf, published, publicModules, type Repository } from "../docs/repository.js"
import { pageOf } from "./reference.js"

/** The folder of the API reference among the pages. */
export const api = "api"

const host = "https://github.com/countersign/countersign"
const hosted = /^https:\/\/github\.com\/countersign\/countersign(?:\/(?:blob|tree)\/main\/|#readme$)/

/** The page of each document, by its path in the repository. */
const documentPages = (repository: Repository): ReadonlyArray<readonly [document: string, page: string]> => [
  ["README.md", "index.md"],
  ["docs/README.md", "contents.md"],
  ["CHANGELOG.md", "changelog.md"],
  ...published.map((name) => [`packages/${name}/README.md`, `${api}/${name}/index.md`] as const),
  ...repository.files
    .filter((file) => /^docs\/.+\/.+\.md$|^docs\/(?!README)[^/]+\.md$/.test(file))
    .map((file) => [file, file.slice("docs/".length)] as const)
]

/** The page of each document and public module. */
const allPages = (repository: Repository): ReadonlyMap<string, string> =>
  new Map([
    ...documentPages(repository),
    ...publicModules(repository).map((module) => [module, `${api}/${pageOf(module)}.md`] as const)
  ])

const isElsewhere = (target: string): boolean => /^(?:[a-z][a-z0-9+.-]*:|#)/i.test(target)

/** The target of a link on a page, for its target in the document. */
export const linkOf = (pages: ReadonlyMap<string, string>, document: string, target: string): string => {
  const own = hosted.test(target)
  if (!own && isElsewhere(target)) return target
  const from = own ? "" : posix.dirname(document)
  const [path = "", anchor] = target.replace(hosted, "").split("#")
  const file = posix.normalize(posix.join(from, path === "" ? "README.md" : path)).replace(/\/$/, "")
  const hash = anchor === undefined ? "" : `#${anchor}`
  const page = pages.get(file) ?? pages.get(`${file}/README.md`)
  if (page !== undefined) return `/${page}${hash}`
  // A picture, or a document that is missing: VitePress then reports the link.
  if (/^docs\/.+\.\w+$/.test(file)) return target
  return `${host}/${posix.extname(file) === "" ? "tree" : "blob"}/main/${file}${hash}`
}

/** The text of a page: the document with the links of the site. Code is not changed. */
export const pageTextOf = (pages: ReadonlyMap<string, string>, document: string, text: string): string => {
  const lines = text.split("\n")
  for (const line of parse(text).prose)
    lines[line.number - 1] = line.text
      .replace(/\]\(([^)\s]+)\)/g, (_, target: string) => `](${linkOf(pages, document, target)})`)
      .replace(
        /\b(href|src)="([^"]+)"/g,
        (_, name: string, target: string) => `${name}="${linkOf(pages, document, target)}"`
      )
  return lines.join("\n")
}

/** The start page: the README below a title with the first steps. The README's first paragraph is the text of the title. */
export const startPageOf = (readme: string, description: string): string => {
  const [, name = "", intro = "", body = ""] = /^# (.+)\n\n([\s\S]+?)\n\n([\s\S]*)$/.exec(readme) ?? []
  const plain = intro.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/\s+/g, " ")
  const actions = [
    { theme: "brand", text: "First call", link: "/guides/first-call" },
    { theme: "alt", text: "Guides and reference", link: "/contents" },
    { theme: "alt", text: "API", link: `/${api}/` }
  ]
  const front = { layout: "home", hero: { name, text: description, tagline: plain, actions } }
  return `---\n${JSON.stringify(front)}\n---\n\n${body}`
}

/** The start page of the API reference: the modules of each package, with the first sentence of their introductions. */
export const apiPageOf = (repository: Repository): string => {
  const lineOf = (module: string): string => {
    const [, text = ""] = /^(.+?\.)(?:\s|$)/.exec(introduction(repository.read(module) ?? "").join(" ")) ?? []
    const page = pageOf(module)
    return `- [${page.slice(page.indexOf("/") + 1)}](${page}.md): ${text.replace(/\{@link ([^}]+)\}/g, "`$1`")}`
  }
  const sections = published.map((name) =>
    [`## [@countersign/${name}](${name}/index.md)`, "", ...modulesOf(repository, name).map(lineOf)].join("\n")
  )
  return `${["# API reference", ...sections].join("\n\n")}\n`
}

/** The pages of the documents, and the pictures in them: the text of each file, by its path among the pages. */
export const pagesOf = (repository: Repository, description: string): Readonly<Record<string, string>> => {
  const pages = allPages(repository)
  const read = (file: string): string => repository.read(file) ?? ""
  const texts = documentPages(repository).map(([document, page]): readonly [string, string] => {
    const text = pageTextOf(pages, document, read(document))
    return [page, document === "README.md" ? startPageOf(text, description) : text]
  })
  const pictures = repository.files.filter((file) => /^docs\/.+\.svg$/.test(file))
  const copies = pictures.map((file): readonly [string, string] => [file.slice("docs/".length), read(file)])
  return Object.fromEntries<string>([...texts, ...copies, [`${api}/index.md`, apiPageOf(repository)]])
}
