/** The API reference: one Markdown page for each public module, by TypeDoc. */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"
import { Application, Converter, type Context, type SignatureReflection, type TypeDocOptions } from "typedoc"
import type { PluginOptions } from "typedoc-plugin-markdown"
import { publicModules, type Repository } from "../docs/repository.js"

/** `client/Retry` for `packages/client/src/Retry.ts`: the name of a module's page. */
export const pageOf = (module: string): string => module.replace(/^packages\/([^/]+)\/src\/(.+)\.ts$/, "$1/$2")

/**
 * Marks the first comment of a module as its introduction, as TypeDoc needs it. The modules of this repository have no such
 * tag, because their first comment is always the introduction. Directives may precede it. The lines keep their numbers.
 */
export const markIntroduction = (text: string): string =>
  text.replace(/^((?:\/\/\/.*\n)*\/\*\*)/, "$1 @packageDocumentation")

const options: TypeDocOptions & PluginOptions = {
  plugin: ["typedoc-plugin-markdown"],
  router: "module",
  readme: "none",
  entryFileName: "index",
  githubPages: false,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  // Every export has the version 0.1.0 until there is a second one.
  excludeTags: ["@since"],
  sourceLinkTemplate: "https://github.com/countersign/countersign/blob/main/{path}#L{line}",
  disableGit: true,
  gitRevision: "main",
  // `npm run types` finds type errors.
  skipErrorChecking: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  pageTitleTemplates: { module: "@countersign/{rawName}", index: "API reference" },
  expandParameters: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  propertyMembersFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: { hideSources: true, hideInherited: true, hideOverrides: true, hideModifiers: true },
  useCodeBlocks: true,
  useHTMLEncodedBrackets: true
}

const programOf = (root: string, modules: ReadonlyArray<string>): ts.Program => {
  const file = join(root, "tsconfig.base.json")
  const json: unknown = ts.readConfigFile(file, (path) => ts.sys.readFile(path)).config
  const { options } = ts.parseJsonConfigFileContent(json, ts.sys, root)
  const compilerOptions = { ...options, composite: false, incremental: false, noEmit: true, types: ["node"] }
  const host = ts.createCompilerHost(compilerOptions)
  const entries = new Set(modules.map((module) => join(root, module)))
  host.readFile = (path) => (entries.has(path) ? markIntroduction(readFileSync(path, "utf8")) : ts.sys.readFile(path))
  return ts.createProgram([...entries], compilerOptions, host)
}

/** Shows `Config.Wrap<Options>` as it is written. TypeDoc would repeat all options, each as a `Config`. */
const showDeclaredConfig = (context: Context, signature: SignatureReflection, declaration?: ts.Node): void => {
  if (declaration === undefined || !ts.isFunctionLike(declaration)) return
  declaration.parameters.forEach(({ type }, index) => {
    const parameter = signature.parameters?.[index]
    if (parameter === undefined || type === undefined || !type.getText().includes("Config.Wrap<")) return
    parameter.type = context.converter.convertType(context, type)
  })
}

/** Writes the pages of all public modules into a folder. Returns the number of warnings and errors, which are printed. */
export const writeReference = async (root: string, repository: Repository, out: string): Promise<number> => {
  rmSync(out, { recursive: true, force: true })
  const modules = publicModules(repository)
  const entryPoints = modules.map((module) => join(root, module))
  const names = { entryPoints, out, displayBasePath: root, name: "Countersign" }
  const app = await Application.bootstrapWithPlugins({ ...options, ...names })
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, showDeclaredConfig)
  const program = programOf(root, modules)
  const documented = modules.flatMap((module) => {
    const sourceFile = program.getSourceFile(join(root, module))
    return sourceFile === undefined ? [] : [{ displayName: pageOf(module), program, sourceFile }]
  })
  app.getEntryPoints = () => documented
  const project = await app.convert()
  if (project !== undefined) {
    for (const { comment, name } of project.children ?? [])
      if (comment === undefined) app.logger.warn(`The module ${name} has no introduction. Begin it with a comment.`)
    app.validate(project)
    await app.generateOutputs(project)
  }
  return app.logger.warningCount + app.logger.errorCount
}
