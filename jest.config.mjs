/** Tests run from the TypeScript sources as ES modules. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/typescript-transform.mjs' },
  reporters: ['default', '<rootDir>/test/closing-line.mjs'],
  // Two cores in CI, and the end-to-end suites start real servers of their own.
  maxWorkers: 2,
}
