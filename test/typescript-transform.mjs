/** Lets jest run the TypeScript sources: takes the types away, file by file; `npm run types` checks them. */
import { createHash } from 'node:crypto'
import ts from 'typescript'

const compilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  inlineSourceMap: true,
  inlineSources: true,
}

export default {
  process: (source, fileName) => ({
    code: ts.transpileModule(source, { fileName, compilerOptions }).outputText,
  }),
  getCacheKey: (source, fileName) =>
    createHash('sha256')
      .update(`${ts.version}\0${fileName}\0${JSON.stringify(compilerOptions)}\0${source}`)
      .digest('hex'),
}
