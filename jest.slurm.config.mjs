/** Suites that install and run a Slurm: `npm run test:slurm`, as root on Debian or Ubuntu. */
import base from './jest.config.mjs'

export default { ...base, testMatch: ['**/*.slurm.ts'] }
