/** Numbers in Modbus registers. Within a register the high byte comes first; the order of registers differs. Pure. */

export const REGISTER_TYPES = [
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
] as const
export type RegisterType = (typeof REGISTER_TYPES)[number]

/** `big`: the register with the high bits first, as most devices have it. */
export type WordOrder = 'big' | 'little'

/** How many registers a number takes. */
export const registersOf = (type: RegisterType): number => Number(type.replace(/\D+/, '')) / 16

/**
 * @param bytes as many as the type takes, or more
 * @returns no number where the registers hold none (float); 64 bits beyond 2^53 are rounded
 */
export function numberIn(bytes: Buffer, type: RegisterType, order: WordOrder): number {
  const words = bytes.subarray(0, 2 * registersOf(type))
  const inOrder = order === 'big' ? words : reversed(words)
  switch (type) {
    case 'int16':
      return inOrder.readInt16BE()
    case 'uint16':
      return inOrder.readUInt16BE()
    case 'int32':
      return inOrder.readInt32BE()
    case 'uint32':
      return inOrder.readUInt32BE()
    case 'int64':
      return Number(inOrder.readBigInt64BE())
    case 'uint64':
      return Number(inOrder.readBigUInt64BE())
    case 'float32':
      return inOrder.readFloatBE()
    case 'float64':
      return inOrder.readDoubleBE()
  }
}

function reversed(bytes: Buffer): Buffer {
  const words = Buffer.alloc(bytes.length)
  for (let at = 0; at < bytes.length; at += 2)
    words.writeUInt16BE(bytes.readUInt16BE(at), bytes.length - 2 - at)
  return words
}
