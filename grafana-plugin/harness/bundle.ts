/** Bundles the libraries that Grafana shares with its plugins, so that a page can hand them over as Grafana does. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { ROOT, type Version } from './versions'

const PAGE = join(__dirname, 'page.tsx')

/** The path of the bundle; made anew only when the page or the locked libraries changed. */
export async function bundle(version: Version): Promise<string> {
  const locks = [join(ROOT, 'package-lock.json'), join(__dirname, 'libraries', 'package-lock.json'), PAGE]
  const hash = createHash('sha256')
  for (const file of locks) hash.update(readFileSync(file))
  const outfile = join(__dirname, 'bundles', `${version.name}-${hash.digest('hex').slice(0, 12)}.js`)
  if (existsSync(outfile)) return outfile
  await build({
    entryPoints: [PAGE],
    outfile,
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    // libraries that look for AMD would register with SystemJS instead
    define: { define: 'undefined', 'process.env.NODE_ENV': '"production"', global: 'window' },
    loader: {
      '.svg': 'dataurl',
      '.woff2': 'dataurl',
      '.woff': 'dataurl',
      '.ttf': 'dataurl',
      '.css': 'empty',
      '.png': 'dataurl',
    },
    plugins: [librariesOf(version)],
    logLevel: 'error',
  })
  return outfile
}

/** What the page imports comes from the libraries of the version, not from those beside the page. */
function librariesOf({ folder }: Version): Plugin {
  return {
    name: 'libraries-of-version',
    setup(building) {
      building.onResolve({ filter: /^[^./]/ }, ({ path, importer, kind, pluginData }) =>
        importer === PAGE && pluginData !== 'resolved'
          ? building.resolve(path, { resolveDir: folder, kind, pluginData: 'resolved' })
          : undefined,
      )
    },
  }
}
