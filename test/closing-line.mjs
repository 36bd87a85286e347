/** A reporter that ends with one plain line, for whoever reads a log by its end. */
export default class ClosingLine {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests }) {
    // A file that could not be run at all has no tests that could fail, and counts as one.
    const failed = numFailedTests + numRuntimeErrorTestSuites
    const skipped = numPendingTests === 0 ? '' : `, ${numPendingTests} skipped`
    // Later, since jest calls its own summary last, whatever the order of reporters.
    setImmediate(() => process.stdout.write(`${numPassedTests} passed, ${failed} failed${skipped}\n`))
  }
}
