/** The built panel in Chromium, with the libraries of three versions of Grafana. */
module.exports = {
  ...require('./.config/jest.config'),
  testEnvironment: 'node',
  setupFilesAfterEnv: [],
  testMatch: ['<rootDir>/harness/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/harness/libraries'],
  testTimeout: 120_000,
  maxWorkers: 1,
}
