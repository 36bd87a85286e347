/**
 * Samples as Prometheus takes them over remote write: protobuf in a snappy block.
 * https://prometheus.io/docs/specs/prw/remote_write_spec/ (version 1)
 */

export interface TimeSeries {
  /** With `__name__`. */
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly { readonly seconds: number; readonly value: number }[]
  /** Unix seconds at which it has no sample any more. */
  readonly staleAt: readonly number[]
}

export async function remoteWrite(url: string, series: readonly TimeSeries[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: snappyOf(Buffer.concat(series.map((one) => message(1, timeSeries(one))))),
  })
  if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`)
}

/** The NaN that Prometheus writes where a series ends, and no other. */
const STALE_BITS = 0x7ff0000000000002n

function timeSeries({ labels, samples, staleAt }: TimeSeries): Buffer {
  const names = Object.keys(labels).sort()
  const bits = (value: number): Buffer => {
    const buffer = Buffer.alloc(8)
    buffer.writeDoubleLE(value)
    return buffer
  }
  const stale = Buffer.alloc(8)
  stale.writeBigUInt64LE(STALE_BITS)
  const all = [
    ...samples.map(({ seconds, value }) => ({ seconds, bits: bits(value) })),
    ...staleAt.map((seconds) => ({ seconds, bits: stale })),
  ].sort((a, b) => a.seconds - b.seconds)
  return Buffer.concat([
    ...names.map((name) => message(1, Buffer.concat([text(1, name), text(2, labels[name] ?? '')]))),
    ...all.map((sample) =>
      message(
        2,
        Buffer.concat([
          Buffer.of((1 << 3) | 1),
          sample.bits,
          Buffer.of(2 << 3),
          varint(BigInt(sample.seconds) * 1000n),
        ]),
      ),
    ),
  ])
}

const message = (field: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.of((field << 3) | 2), varint(BigInt(body.length)), body])

const text = (field: number, value: string): Buffer => message(field, Buffer.from(value))

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(value)])
}

const LITERAL_BYTES = 65_536

/** Only literals: valid snappy that is as long as what it holds. */
function snappyOf(raw: Buffer): Buffer {
  const parts = [varint(BigInt(raw.length))]
  for (let at = 0; at < raw.length; at += LITERAL_BYTES) {
    const piece = raw.subarray(at, at + LITERAL_BYTES)
    const head = Buffer.of(61 << 2, 0, 0)
    head.writeUInt16LE(piece.length - 1, 1)
    parts.push(head, piece)
  }
  return Buffer.concat(parts)
}
