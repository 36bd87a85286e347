/** What people choose from when they set up a device. */

/** Of SNMP version 3. */
export const AUTH_PROTOCOLS = ['sha', 'sha224', 'sha256', 'sha384', 'sha512'] as const
export const PRIVACY_PROTOCOLS = ['aes', 'aes256b', 'aes256r'] as const

export const HTTP_SCHEMES = ['digest', 'basic', 'bearer'] as const
export const HTTP_KINDS = ['shelly', 'tasmota', 'json'] as const
