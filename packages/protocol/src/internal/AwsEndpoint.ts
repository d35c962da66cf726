/**
 * Region and service in the host names of AWS.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/rande.html
 * @internal
 */

const suffixes = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws", ".backblazeb2.com"]

/** Signing names that differ from the label of the host name. */
const signingNames: ReadonlyMap<string, string> = new Map([
  ["email", "ses"],
  ["queue", "sqs"],
  ["pinpoint", "mobiletargeting"],
  ["lambda-url", "lambda"],
  ["iot", "iotdata"],
  ["bedrock-runtime", "bedrock"],
  ["bedrock-agent-runtime", "bedrock"],
  ["s3-accelerate", "s3"],
  ["s3-accesspoint", "s3"],
  ["s3-control", "s3"]
])

const isRegion = (label: string | undefined): boolean =>
  label !== undefined && /^[a-z]{2}(?:-[a-z]{3,12}){1,3}-\d{1,3}$/.test(label)

/** The region of a label of old host names: `s3-eu-west-1`. */
const oldRegion = (label: string): string | undefined => {
  const region = label.startsWith("s3-") ? label.slice(3).replace(/^fips-/, "") : undefined
  return isRegion(region) ? region : undefined
}

const withoutFips = (label: string): string => label.replace(/-fips$|^fips-/, "")

/** The labels before the suffix, without those that only select an address family. Undefined for another host. */
export const endpointLabels = (host: string): ReadonlyArray<string> | undefined => {
  const suffix = suffixes.find((one) => host.endsWith(one))
  if (suffix === undefined) return undefined
  const region = suffix === ".backblazeb2.com" ? /^(?:.*\.)?s3\.([a-z]+-[a-z]+-\d{3})$/ : undefined
  const labels = host
    .slice(0, -suffix.length)
    .split(".")
    .filter((label) => label !== "dualstack" && label !== "")
  if (region !== undefined && !region.test(labels.join("."))) return undefined
  return labels
}

const regionIndex = (labels: ReadonlyArray<string>): number => {
  for (let index = labels.length - 1; index >= Math.max(0, labels.length - 2); index--) {
    if (isRegion(labels[index])) return index
  }
  return -1
}

/** The region, `us-east-1` for a global endpoint. */
export const regionOf = (labels: ReadonlyArray<string>): string | undefined => {
  const index = regionIndex(labels)
  if (index !== -1) return labels[index]
  const last = labels.at(-1)
  if (last === undefined || last === "s3-accelerate") return undefined
  return oldRegion(last) ?? "us-east-1"
}

/** The signing name: the label before the region, or after it if the region is not the last label. */
export const serviceOf = (labels: ReadonlyArray<string>): string | undefined => {
  const index = regionIndex(labels)
  const label = index === -1 || index < labels.length - 1 ? labels.at(-1) : labels[index - 1]
  if (label === undefined) return undefined
  const name = oldRegion(label) === undefined ? withoutFips(label) : "s3"
  return signingNames.get(name) ?? name
}
