import type { QualityReport } from '@rollcall/protocol'

/** The version in this package's package.json. */
const sdkVersion = '0.3.0'

/** In order: each of these browsers also calls itself by the names after its own. */
const browsers = [
  ['Edge', /\bEdgA?\/([\d.]+)/],
  ['Opera', /\bOPR\/([\d.]+)/],
  ['Samsung Internet', /\bSamsungBrowser\/([\d.]+)/],
  ['Firefox', /\b(?:Firefox|FxiOS)\/([\d.]+)/],
  ['Chrome', /\b(?:HeadlessChrome|Chrome|CriOS)\/([\d.]+)/],
  ['Safari', /\bVersion\/([\d.]+).*\bSafari\//],
  ['Node.js', /^Node\.js\/([\d.]+)/],
] as const

/** Which browser or program, and which client, samples of quality come from. */
export function describeDevice(userAgent = ''): Pick<QualityReport, 'deviceInfo' | 'sdkInfo'> {
  const sdkInfo = { sdkName: '@rollcall/client', sdkVersion }
  for (const [deviceName, pattern] of browsers) {
    const deviceVersion = pattern.exec(userAgent)?.[1]
    if (deviceVersion !== undefined) return { deviceInfo: { deviceName, deviceVersion }, sdkInfo }
  }
  return { sdkInfo }
}
