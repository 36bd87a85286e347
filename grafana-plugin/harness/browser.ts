/** Chromium with a page in the place of Grafana. */
import { createServer, type Server } from 'node:http'
import { readFile } from 'node:fs/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, extname, join } from 'node:path'
import { type BrowserContext, chromium, type Page } from '@playwright/test'
import { bundle } from './bundle'
import type { Scene } from './scene'
import { ROOT, type Version } from './versions'

const SYSTEM = join(ROOT, 'node_modules', 'systemjs', 'dist')
const ICONS = join(ROOT, 'node_modules', '@grafana', 'ui', 'dist', 'public', 'img', 'icons')
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.css': 'text/css',
  '.html': 'text/html',
}

export interface Harness {
  readonly page: Page
  readonly show: (scene: Scene) => Promise<void>
  /** What the console said of errors and warnings since the last look. */
  readonly complaints: () => readonly string[]
  readonly close: () => Promise<void>
}

export async function openHarness(version: Version): Promise<Harness> {
  const libraries = await bundle(version)
  const server = await serve(libraries)
  const profile = mkdtempSync(join(tmpdir(), 'wattribute-panel-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const page = context.pages()[0] ?? (await context.newPage())
  const complaints = listen(page)
  const { port } = server.address() as AddressInfo
  await page.goto(`http://127.0.0.1:${port}/`)
  return {
    page,
    show: async (scene) => {
      await page.setViewportSize({
        width: Math.max(320, scene.width + 40),
        height: Math.max(300, scene.height + 60),
      })
      await page.mouse.move(0, 0)
      await page.evaluate((one) => window.show(one), scene)
    },
    complaints,
    close: () => closeAll(context, server, profile),
  }
}

/** Errors of the page and of its console, but for fonts of Grafana's own and a hint of SystemJS about named modules. */
function listen(page: Page): () => readonly string[] {
  let heard: string[] = []
  page.on('pageerror', (error) => heard.push(String(error)))
  page.on('console', (message) => {
    const where = message.location().url
    const expected = /\.(woff2?|ttf)$/.test(where) || message.text().includes('SystemJS Error#W6')
    if (['error', 'warning'].includes(message.type()) && !expected) {
      heard.push(`${message.text()} (${where})`)
    }
  })
  return () => {
    const since = heard
    heard = []
    return since
  }
}

async function closeAll(context: BrowserContext, server: Server, profile: string): Promise<void> {
  await context.close()
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  rmSync(profile, { recursive: true, force: true })
}

const HTML = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>panel</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/uplot.css">
<script>window.grafanaBootData={settings:{featureToggles:{}},user:{language:'en-US'},navTree:[]}</script>
<script src="/system.js"></script><script src="/amd.js"></script><script src="/use-default.js"></script>
<style>body{margin:0;padding:20px}</style></head>
<body><main id="root"></main><script src="/libraries.js"></script></body></html>`

async function serve(libraries: string): Promise<Server> {
  const files: Readonly<Record<string, string>> = {
    '/system.js': join(SYSTEM, 'system.js'),
    '/amd.js': join(SYSTEM, 'extras', 'amd.js'),
    '/use-default.js': join(SYSTEM, 'extras', 'use-default.js'),
    '/uplot.css': join(ROOT, 'node_modules', 'uplot', 'dist', 'uPlot.min.css'),
    '/libraries.js': libraries,
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/') {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(HTML)
      return
    }
    const file = files[pathname] ?? fileOf(pathname)
    readFile(file).then(
      (content) => {
        response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
        response.end(content)
      },
      () => {
        response.statusCode = 404
        response.end()
      },
    )
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return server
}

/** Files of the built plugin, and the icons of Grafana. */
function fileOf(pathname: string): string {
  const plugin = '/public/plugins/wattribute-energy-panel/'
  if (pathname.startsWith(plugin)) return join(ROOT, 'dist', pathname.slice(plugin.length))
  const icon = /\/img\/icons\/(.+)$/.exec(pathname)
  return icon?.[1] === undefined ? join(ROOT, 'nothing', basename(pathname)) : join(ICONS, icon[1])
}
