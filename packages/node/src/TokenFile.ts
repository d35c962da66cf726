/**
 * Token files: tokens that a platform writes to a file and rotates, such as the service account tokens of Kubernetes.
 *
 * @since 0.1.0
 */
import { TokenError } from "@countersign/auth/Errors"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/**
 * Maximum size of a token file in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxBytes = 65_536

const failure = (reason: TokenError["reason"], path: string, cause: string): Effect.Effect<never, TokenError> =>
  Effect.fail(new TokenError({ reason, detail: `the token file ${JSON.stringify(path)} ${cause}` }))

/**
 * Reads a token from a file, each time that it runs. White space at both ends is removed.
 *
 * Fails with `TokenError`:
 *
 * - `Unavailable` if the file cannot be read, because the platform may not have written it yet.
 * - `InvalidResponse` if the file is empty, larger than {@link maxBytes}, or has a character that no token has.
 *
 * @example
 * import * as AwsCredentials from "@countersign/auth/AwsCredentials"
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as TokenFile from "@countersign/node/TokenFile"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const AuthLive = Layer.unwrapScoped(
 *   Effect.map(
 *     AwsCredentials.webIdentity({
 *       roleArn: "arn:aws:iam::123456789012:role/reports",
 *       token: TokenFile.read("/var/run/secrets/eks.amazonaws.com/serviceaccount/token")
 *     }),
 *     (credentials) => AwsSignature.layer({ credentials, region: "eu-central-1" })
 *   )
 * )
 *
 * @param path - the path of the file.
 * @since 0.1.0
 * @category constructors
 */
export const read = (path: string): Effect.Effect<Redacted.Redacted<string>, TokenError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) =>
    files.stream(path, { bytesToRead: maxBytes + 1 }).pipe(
      Stream.decodeText(),
      Stream.mkString,
      Effect.catchAll((error) =>
        failure(
          "Unavailable",
          path,
          `cannot be read (${"reason" in error ? error.reason : "BadArgument"}). Check the path.`
        )
      ),
      Effect.flatMap((text) => tokenOf(path, text))
    )
  )

const tokenOf = (path: string, text: string): Effect.Effect<Redacted.Redacted<string>, TokenError> => {
  if (text.length > maxBytes)
    return failure("InvalidResponse", path, `has more than ${maxBytes} bytes. Check the path.`)
  const token = text.trim()
  if (token === "") return failure("InvalidResponse", path, "is empty. Check the process that writes it.")
  return /^[!-~]+$/.test(token)
    ? Effect.succeed(Redacted.make(token))
    : failure("InvalidResponse", path, "has a space or another character that no token has. Check the path.")
}
