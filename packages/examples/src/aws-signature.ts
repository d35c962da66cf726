/** AWS Signature Version 4: calls S3 with an access key, uploads a stream, assumes a role with a token, and makes a presigned URL. */
import * as AwsCredentials from "@countersign/auth/AwsCredentials"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ApiClient from "@countersign/client/ApiClient"
import * as TokenFile from "@countersign/node/TokenFile"
import * as HttpBody from "@effect/platform/HttpBody"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"

const baseUrl = "https://photos.s3.eu-central-1.amazonaws.com"

// #region client
class Photos extends ApiClient.Tag("app/Photos")<Photos>() {}

// Region and service are read from the host name.
export const PhotosLive = Photos.layer({
  baseUrl,
  auth: AwsSignature.layerConfig({ credentials: AwsCredentials.config })
})
// #endregion

// #region program
export const program = Effect.gen(function* () {
  const photos = yield* Photos
  yield* photos.put("/2026/a b.txt", { body: HttpBody.text("hello") })
  const list = yield* photos.get("/", { query: { "list-type": 2, prefix: "2026/" } })
  yield* Console.log(yield* list.text)
})
// #endregion

// #region upload
class Backups extends ApiClient.Tag("app/Backups")<Backups>() {}

export const BackupsLive = Backups.layer({
  baseUrl,
  auth: AwsSignature.layerConfig({ credentials: AwsCredentials.config, payload: "chunked" })
})

// The stream is read once, while it is sent. S3 needs its length.
export const upload = (archive: Stream.Stream<Uint8Array, Error>, length: number) =>
  Effect.gen(function* () {
    const backups = yield* Backups
    const body = HttpBody.stream(archive, "application/x-tar", length)
    yield* backups.put("/backup.tar", { body, timeout: { exchange: "10 minutes", call: "10 minutes" } })
  })
// #endregion

// #region role
// Calls of this client may fail with the errors of STS too.
class RolePhotos extends ApiClient.Tag("app/RolePhotos")<RolePhotos, TokenSourceError>() {}

export const RoleLive = Layer.unwrapScoped(
  Effect.gen(function* () {
    const credentials = yield* AwsCredentials.webIdentity({
      roleArn: yield* Config.string("AWS_ROLE_ARN"),
      token: TokenFile.read(yield* Config.string("AWS_WEB_IDENTITY_TOKEN_FILE")),
      region: "eu-central-1"
    })
    return RolePhotos.layer({ baseUrl, auth: AwsSignature.layer({ credentials }) })
  })
)
// #endregion

// #region presign
export const link = Effect.gen(function* () {
  const credentials = yield* AwsCredentials.config
  const url = yield* AwsSignature.presign({ credentials, url: `${baseUrl}/2026/a b.txt`, expiresIn: "10 minutes" })
  // Do not log it: with the URL alone a person can download the file.
  return Redacted.value(url)
})
// #endregion
