/**
 * The public modules of `@countersign/node` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/** Credentials of AWS in a profile file, such as `~/.aws/credentials`. */
export * as AwsProfile from "./AwsProfile.js"
/**
 * Opens URLs in the user's web browser, for sign-in from a program
 * ([RFC 8252](https://www.rfc-editor.org/rfc/rfc8252)).
 */
export * as Browser from "./Browser.js"
/** Downloads: the body of a response in a file, which is continued after a failure, verified, and whole or absent. */
export * as Download from "./Download.js"
/** Token store that encrypts each record, and keeps the encrypted records in another token store. */
export * as EncryptedTokenStore from "./EncryptedTokenStore.js"
/** Encryption keys for `EncryptedTokenStore`: from the environment, a file, a passphrase or the keychain. */
export * as EncryptionKey from "./EncryptionKey.js"
/** Request bodies from files: of known length, and read again for each send. */
export * as FileBody from "./FileBody.js"
/** Token store in one file, which only its owner can access, and which the processes of one host can share. */
export * as FileTokenStore from "./FileTokenStore.js"
/**
 * Token store in the keychain of the operating system: Keychain of macOS, Credential Manager of Windows, Secret Service
 * of Linux.
 */
export * as KeychainTokenStore from "./KeychainTokenStore.js"
/**
 * Loopback redirect URI for native apps ([RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)): an HTTP
 * server on this machine that receives the authorization response.
 */
export * as LoopbackListener from "./LoopbackListener.js"
/** The HTTP transport for Node: an `HttpClient` over undici, with connection reuse, timeouts and optional HTTP/2. */
export * as NodeTransport from "./NodeTransport.js"
/** Locks between the processes of one host, without native code. */
export * as ProcessLock from "./ProcessLock.js"
/** Progress bars for terminals. */
export * as Progress from "./Progress.js"
/**
 * Sign-in from a command-line program: with the browser of this machine (RFC 8252), or with a code on another device
 * (RFC 8628).
 */
export * as SignIn from "./SignIn.js"
/** Token files: tokens that a platform writes to a file and rotates, such as the service account tokens of Kubernetes. */
export * as TokenFile from "./TokenFile.js"
