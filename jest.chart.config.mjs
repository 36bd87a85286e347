/** `npm run test:chart`: what needs Helm. */
import config from './jest.config.mjs'

export default { ...config, testMatch: ['**/*.chart.ts'] }
