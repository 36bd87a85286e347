/** Answers a scrape: writes the newest finished page and nothing more. */
import type { Request, RequestHandler, Response } from 'express'
import type { Seconds } from '../units.ts'
import { acceptsGzip, CONTENT_TYPES, formatFor, type Format } from './negotiation.ts'

/** A finished page in both formats. One object for each page; its bytes do not change until it is released. */
export interface Page {
  readonly text: Uint8Array
  readonly openMetrics: Uint8Array
  /** When it was finished, on the monotonic clock. */
  readonly at: Seconds
}

export interface Pages {
  /**
   * The newest page, to be released exactly once when nobody reads it any more: its buffers are used again.
   * @returns nothing when there is none yet or the newest is too old to be shown
   */
  current(): { readonly page: Page; readonly release: () => void } | undefined
  /** A sentence for people: why there is no page now. */
  whyNone(): string
}

export type Gzip = (bytes: Uint8Array) => Promise<Uint8Array>

/** Below this a page fits in few packets as it is. */
const GZIP_FROM_BYTES = 2048

export function scrapeHandler(pages: Pages, gzip: Gzip): RequestHandler {
  const compressed = new CompressedPages(gzip)
  return async (request, response) => {
    const claim = pages.current()
    if (claim === undefined) {
      response.status(503).type('text/plain').send(`${pages.whyNone()}\n`)
      return
    }
    try {
      await sendPage(claim.page, compressed, request, response)
      await closed(response)
    } finally {
      claim.release()
    }
  }
}

async function sendPage(
  page: Page,
  compressed: CompressedPages,
  request: Request,
  response: Response,
): Promise<void> {
  const format = formatFor(request.headers.accept)
  const isCompressed =
    page[format].length >= GZIP_FROM_BYTES && acceptsGzip(request.headers['accept-encoding'])
  const bytes = isCompressed ? await compressed.of(page, format) : page[format]
  if (isCompressed) response.setHeader('Content-Encoding', 'gzip')
  response.setHeader('Content-Type', CONTENT_TYPES[format])
  response.setHeader('Content-Length', bytes.length)
  response.setHeader('Vary', 'Accept, Accept-Encoding')
  response.end(bytes)
}

/** When the response has been handed to the system, or the client is gone. */
function closed(response: Response): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed || response.destroyed) resolve()
    else response.once('close', resolve)
  })
}

/** Each page is compressed once per format, however many ask for it, and forgotten with the page. */
class CompressedPages {
  readonly #gzip: Gzip
  readonly #made: Record<Format, WeakMap<Page, Promise<Uint8Array>>> = {
    text: new WeakMap(),
    openMetrics: new WeakMap(),
  }

  constructor(gzip: Gzip) {
    this.#gzip = gzip
  }

  of(page: Page, format: Format): Promise<Uint8Array> {
    const made = this.#made[format].get(page) ?? this.#gzip(page[format])
    this.#made[format].set(page, made)
    return made
  }
}
