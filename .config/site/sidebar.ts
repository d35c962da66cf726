/** The sidebars: one for the documents, from the list in `docs/README.md`, and one for the modules. */
import { modulesOf, published, type Repository } from "../docs/repository.js"
import { api } from "./pages.js"
import { pageOf } from "./reference.js"

/** An entry of the sidebar: a link, or a group that can be closed. */
export interface Entry {
  readonly text: string
  readonly link?: string
  readonly items?: Array<Entry>
  readonly collapsed?: boolean
}

const plain = (text: string): string => text.replaceAll("`", "").trim()

/** The entry of a list item: its first link. The number of an ordered item stands before the text. */
const entryOf = (line: string): Entry | undefined => {
  const [, marker = "", text = "", target = ""] = /^(-|\d+\.) \[(.+?)\]\((.+?)\.md\)/.exec(line) ?? []
  const number = /decisions\/0*(\d+)/.exec(target)?.[1]
  return marker === ""
    ? undefined
    : { text: number === undefined ? plain(text) : `${number}. ${plain(text)}`, link: `/${target}` }
}

/** The items below a heading: the paragraph `Start:` begins a group. */
const itemsOf = (lines: ReadonlyArray<string>): Array<Entry> => {
  const top: Array<Entry> = []
  let group = top
  for (const line of lines) {
    const entry = entryOf(line)
    const title = /^([A-Z][\w ]*):$/.exec(line)?.[1]
    if (entry !== undefined) group.push(entry)
    if (title === undefined) continue
    group = []
    top.push({ text: title, items: group, collapsed: false })
  }
  return top
}

/** The sidebar of the documents: a group for each heading of the list. */
export const documentSidebar = (contents: string): Array<Entry> => {
  const [, ...sections] = contents.split(/^## /m)
  return sections.map((section) => {
    const [title = "", ...lines] = section.split("\n")
    return { text: plain(title), items: itemsOf(lines), collapsed: plain(title) === "Decisions" }
  })
}

/** The sidebar of the API reference: a group for each package, with its modules. */
export const apiSidebar = (repository: Repository): Array<Entry> =>
  published.map((name) => ({
    text: `@countersign/${name}`,
    link: `/${api}/${name}/`,
    collapsed: true,
    items: modulesOf(repository, name).map((module) => ({
      text: pageOf(module).slice(name.length + 1),
      link: `/${api}/${pageOf(module)}`
    }))
  }))
