/** What must be true of the repository before its packages are published. */
import type { Repository } from "../docs/repository.js"
import { hasUnreleased, hasVersion } from "./changelog.js"
import { checkClean, type State } from "./state.js"

const checkBranch = ({ branch }: State): ReadonlyArray<string> =>
  branch === "main" ? [] : [`The branch is ${branch}. Check out main.`]

const checkJob = ({ hasIdentity }: State): ReadonlyArray<string> =>
  hasIdentity ? [] : ["npm's provenance needs a job of GitHub Actions with `id-token: write`. Publish from it."]

/** The changesets that no version contains yet. */
export const openChangesets = (repository: Repository): ReadonlyArray<string> =>
  repository.files.filter((file) => /^\.changeset\/(?!README\.md$)[^/]+\.md$/.test(file))

const checkPreparation = (repository: Repository, version: string): ReadonlyArray<string> => {
  const changelog = repository.read("CHANGELOG.md") ?? ""
  const prepare = "Run `npm run release -- --prepare`."
  const open = openChangesets(repository)
  return [
    ...(open.length === 0 ? [] : [`No version contains these changesets: ${open.join(", ")}. ${prepare}`]),
    ...(hasVersion(changelog, version) ? [] : [`CHANGELOG.md has no section for ${version}. ${prepare}`]),
    ...(hasUnreleased(changelog) ? [`CHANGELOG.md has changes that are not released. ${prepare}`] : [])
  ]
}

/** The reasons that forbid to publish. */
export const check = (repository: Repository, version: string, state: State): ReadonlyArray<string> => [
  ...checkBranch(state),
  ...checkClean(state),
  ...checkPreparation(repository, version),
  ...checkJob(state)
]
