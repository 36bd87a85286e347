/** One unary gRPC call over a Unix socket: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { createConnection } from 'node:net'
import { NoAnswer, SILENCE_MILLISECONDS } from './source.ts'

/** Five bytes before each message: whether it is compressed, and its length. */
const PREFIX_LENGTH = 5

const OK = '0'
const NOT_FOUND = '5'
/** A containerd without its CRI plugin, as Docker brings it. */
const UNIMPLEMENTED = '12'

/**
 * @param method such as `/runtime.v1.RuntimeService/ListContainers`
 * @param limit of the answer in bytes
 * @returns the message; undefined when the daemon does not know what it was asked for
 * @throws NoAnswer
 */
export async function unaryCall(
  socketPath: string,
  method: string,
  request: Buffer,
  limit: number,
): Promise<Buffer | undefined> {
  const session = connect('http://localhost', { createConnection: () => createConnection(socketPath) })
  try {
    return await answerOf(session, method, request, limit)
  } finally {
    session.destroy()
  }
}

function answerOf(
  session: ClientHttp2Session,
  method: string,
  request: Buffer,
  limit: number,
): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new NoAnswer(reason))
    const failBy = (cause: NodeJS.ErrnoException): void => fail(cause.code ?? 'it does not speak gRPC')
    const timer = setTimeout(() => fail('it did not answer in time'), SILENCE_MILLISECONDS)
    session.on('error', failBy)
    session.on('close', () => {
      clearTimeout(timer)
      fail('it hung up')
    })
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: method,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    })
    const chunks: Buffer[] = []
    let length = 0
    let status: unknown
    stream.on('error', failBy)
    stream.on('response', (headers) => {
      // An error without a message comes in the headers.
      status = headers['grpc-status']
    })
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status']
    })
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > limit) fail('its answer is too long')
      else chunks.push(chunk)
    })
    stream.on('end', () => {
      if (status === NOT_FOUND || status === UNIMPLEMENTED) resolve(undefined)
      else if (status !== OK)
        fail(`gRPC status ${typeof status === 'string' ? status.slice(0, 3) : 'missing'}`)
      else {
        const message = messageIn(Buffer.concat(chunks))
        if (message === undefined) fail('its answer is cut off')
        else resolve(message)
      }
    })
    stream.end(framed(request))
  })
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_LENGTH)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

function messageIn(frame: Buffer): Buffer | undefined {
  const isWhole =
    frame.length >= PREFIX_LENGTH && frame[0] === 0 && frame.readUInt32BE(1) === frame.length - PREFIX_LENGTH
  return isWhole ? frame.subarray(PREFIX_LENGTH) : undefined
}
