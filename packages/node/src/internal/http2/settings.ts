import { ConnectionError, errorCode } from "./errorCode.js"
import { defaultMaxFrameSize, encodeFrame, frameType } from "./frame.js"

/** Parameters of SETTINGS: RFC 9113 §6.5.2. */
const parameter = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6
} as const

/** The parameters of the server that this client uses. */
export interface Settings {
  /** Undefined if the server sets no limit. */
  readonly maxConcurrentStreams: number | undefined
  readonly initialWindowSize: number
  readonly maxFrameSize: number
}

/** The settings before the server's first SETTINGS frame. */
export const initialSettings: Settings = {
  maxConcurrentStreams: undefined,
  initialWindowSize: 65_535,
  maxFrameSize: defaultMaxFrameSize
}

/** Maximum window: RFC 9113 §6.9.1. */
export const maxWindow = 2 ** 31 - 1

const parameterLength = 6

const isValid = (name: number, value: number): boolean => {
  if (name === parameter.enablePush) return value === 0
  return name !== parameter.maxFrameSize || (value >= defaultMaxFrameSize && value < 2 ** 24)
}

const withParameter = (settings: Settings, name: number, value: number): Settings => {
  if (name === parameter.initialWindowSize && value > maxWindow) {
    throw new ConnectionError(errorCode.flowControlError, "the initial window of SETTINGS is too large")
  }
  if (!isValid(name, value)) {
    throw new ConnectionError(errorCode.protocolError, "a parameter of SETTINGS has an invalid value")
  }
  if (name === parameter.maxConcurrentStreams) return { ...settings, maxConcurrentStreams: value }
  if (name === parameter.initialWindowSize) return { ...settings, initialWindowSize: value }
  return name === parameter.maxFrameSize ? { ...settings, maxFrameSize: value } : settings
}

/** Applies a SETTINGS frame. Later values of a parameter replace earlier ones. */
export const applySettings = (settings: Settings, payload: Buffer): Settings => {
  if (payload.length % parameterLength !== 0) {
    throw new ConnectionError(errorCode.frameSizeError, "the length of SETTINGS is not a multiple of 6")
  }
  let applied = settings
  for (let at = 0; at < payload.length; at += parameterLength) {
    applied = withParameter(applied, payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
  }
  return applied
}

/** Encodes the SETTINGS of this client: no server push, the window of each stream, and the limit of header sections. */
export const encodeSettings = (initialWindowSize: number, maxHeaderListSize: number): Buffer => {
  const parameters = [
    [parameter.enablePush, 0],
    [parameter.initialWindowSize, initialWindowSize],
    [parameter.maxHeaderListSize, maxHeaderListSize]
  ] as const
  const payload = Buffer.allocUnsafe(parameterLength * parameters.length)
  parameters.forEach(([name, value], at) => {
    payload.writeUInt16BE(name, at * parameterLength)
    payload.writeUInt32BE(value, at * parameterLength + 2)
  })
  return encodeFrame(frameType.settings, 0, 0, payload)
}
