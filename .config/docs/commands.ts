/** The npm scripts that the documents mention exist. */
import type { Problem } from "./problem.js"
import { documents, type Repository } from "./repository.js"

const command = /\bnpm run (?:-s |--silent )?([a-z][\w:-]*)/g

const scripts = (repository: Repository): ReadonlyArray<string> => {
  const manifest: unknown = JSON.parse(repository.read("package.json") ?? "{}")
  const hasScripts = typeof manifest === "object" && manifest !== null && "scripts" in manifest
  return hasScripts ? Object.keys({ ...(manifest.scripts as object) }) : []
}

/** Reports `npm run x` if there is no script `x`. */
export const check = (repository: Repository): ReadonlyArray<Problem> => {
  const known = scripts(repository)
  return documents(repository).flatMap((file) =>
    (repository.read(file) ?? "").split("\n").flatMap((text, index) =>
      [...text.matchAll(command)]
        .map((match) => match[1] ?? "")
        .filter((name) => !known.includes(name))
        .map((name) => ({ file, line: index + 1, message: `there is no script for \`npm run ${name}\`` }))
    )
  )
}
