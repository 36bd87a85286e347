import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ModelLookup } from '../../exporter/src/model.ts'
import { ModelFolders } from '../../exporter/src/names/model-folders.ts'
import { linuxWorld } from '../../exporter/src/world.ts'

const DIGEST = '0123456789abcdef'.repeat(4)
const MODELS = '/usr/share/ollama/.ollama/models'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'models-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

/** As Ollama writes it: https://github.com/ollama/ollama/blob/main/manifest/manifest.go */
const manifest = (digest: string): string =>
  JSON.stringify({
    schemaVersion: 2,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      digest: `sha256:${'f'.repeat(64)}`,
    },
    layers: [
      { mediaType: 'application/vnd.ollama.image.template', digest: `sha256:${'e'.repeat(64)}`, size: 1 },
      { mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${digest}`, size: 1 },
    ],
  })

async function found(lookup: Partial<ModelLookup>): Promise<readonly string[]> {
  const world = linuxWorld(
    { procfs: join(folder, 'proc'), sysfs: '/sys', rootfs: join(folder, 'host') },
    undefined,
  )
  const folders = new ModelFolders(world)
  const whole: ModelLookup = {
    kind: 'ollama-blob',
    pid: 7,
    path: `${MODELS}/blobs/sha256-${DIGEST}`,
    ...lookup,
  }
  for (;;) {
    const names = folders.modelsAt(whole)
    if (names !== undefined) return names
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the name of a blob of Ollama', () => {
  test.each([
    ['the library', 'registry.ollama.ai/library/llama3.1/8b-instruct-q4_K_M', 'llama3.1:8b-instruct-q4_K_M'],
    ['somebody’s own', 'registry.ollama.ai/someone/mine/7b', 'someone/mine:7b'],
    [
      'Hugging Face',
      'hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF/Q4_K_M',
      'hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M',
    ],
  ])('of %s, as clients write it', async (_, path, name) => {
    write(`host${MODELS}/manifests/${path}`, manifest(DIGEST))
    write(`host${MODELS}/manifests/registry.ollama.ai/library/other/latest`, manifest('a'.repeat(64)))
    expect(await found({})).toEqual([name])
  })

  test('as the process sees its own files, before the host’s', async () => {
    write(`proc/7/root${MODELS}/manifests/registry.ollama.ai/library/qwen3/4b`, manifest(DIGEST))
    write(`host${MODELS}/manifests/registry.ollama.ai/library/llama3.1/8b`, manifest(DIGEST))
    expect(await found({})).toEqual(['qwen3:4b'])
    expect(await found({ pid: 8 })).toEqual(['llama3.1:8b'])
  })

  test('of several tags `latest` comes last, for it says least', async () => {
    for (const tag of ['latest', '8b', '8b-instruct']) {
      write(`host${MODELS}/manifests/registry.ollama.ai/library/llama3.1/${tag}`, manifest(DIGEST))
    }
    expect(await found({})).toEqual(['llama3.1:8b', 'llama3.1:8b-instruct', 'llama3.1:latest'])
  })

  test('nobody is kept waiting: by a pipe, a link, a long or a broken file', async () => {
    const tags = `host${MODELS}/manifests/registry.ollama.ai/library/llama3.1`
    write(`${tags}/broken`, '{')
    write(`${tags}/list`, '{"layers":[null,1,{"mediaType":1}]}')
    write(`${tags}/long`, manifest(DIGEST).padEnd(1 << 20))
    write('elsewhere', manifest(DIGEST))
    symlinkSync(join(folder, 'elsewhere'), join(folder, tags, 'link'))
    execFileSync('mkfifo', [join(folder, tags, 'pipe')])
    expect(await found({})).toEqual([])
  })

  test('no name is known where there are no manifests', async () => {
    expect(await found({})).toEqual([])
  })
})

test('a repository of Triton has a folder for each model', async () => {
  for (const path of ['bert/config.pbtxt', 'resnet50/1/model.plan', '.git/config'])
    write(`host/models/${path}`, '')
  write('host/models/README.md', '')
  expect(Array.from(await found({ kind: 'model-repository', path: '/models' })).sort()).toEqual([
    'bert',
    'resnet50',
  ])
})
