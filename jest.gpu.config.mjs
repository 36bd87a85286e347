/** `npm run test:gpu`: what needs real NVIDIA hardware, one thing at a time. */
import config from './jest.config.mjs'

export default { ...config, testMatch: ['**/*.gpu.ts'], maxWorkers: 1 }
