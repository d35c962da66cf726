/** A file system in memory, with the operations that a recorder uses. */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

const failure = (method: string, path: string, reason: PlatformError.SystemErrorReason) =>
  new PlatformError.SystemError({ reason, module: "FileSystem", method, pathOrDescriptor: path })

export interface MemoryFiles {
  readonly files: Map<string, string>
  readonly folders: Array<string>
  readonly service: FileSystem.FileSystem
  /** The operation that fails with `PermissionDenied`. */
  failing: "readFileString" | "writeFileString" | "rename" | undefined
}

export const makeFiles = (content: Readonly<Record<string, string>> = {}): MemoryFiles => {
  const files = new Map(Object.entries(content))
  const folders: Array<string> = []
  const run = <A>(method: string, path: string, body: () => A) =>
    Effect.suspend(() =>
      memory.failing === method ? Effect.fail(failure(method, path, "PermissionDenied")) : Effect.sync(body)
    )
  const service = FileSystem.makeNoop({
    readFileString: (path) =>
      Effect.flatMap(
        run("readFileString", path, () => files.get(path)),
        (text) => (text === undefined ? Effect.fail(failure("readFileString", path, "NotFound")) : Effect.succeed(text))
      ),
    writeFileString: (path, text) => run("writeFileString", path, () => void files.set(path, text)),
    rename: (from, to) =>
      run("rename", from, () => {
        files.set(to, files.get(from) ?? "")
        files.delete(from)
      }),
    remove: (path) => run("remove", path, () => void files.delete(path)),
    makeDirectory: (path) => run("makeDirectory", path, () => void folders.push(path))
  })
  const memory: MemoryFiles = { files, folders, service, failing: undefined }
  return memory
}
