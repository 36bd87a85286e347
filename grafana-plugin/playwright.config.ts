import { dirname } from 'node:path'
import type { PluginOptions } from '@grafana/plugin-e2e'
import { defineConfig, devices } from '@playwright/test'

export default defineConfig<PluginOptions>({
  testDir: './tests',
  forbidOnly: process.env['CI'] !== undefined,
  reporter: 'list',
  use: { baseURL: process.env['GRAFANA_URL'] ?? 'http://localhost:3000', trace: 'on-first-retry' },
  projects: [
    {
      name: 'auth',
      testDir: `${dirname(require.resolve('@grafana/plugin-e2e'))}/auth`,
      testMatch: [/.*\.js/],
    },
    {
      name: 'chromium',
      use: { ...devices['Desktop Chrome'], storageState: 'playwright/.auth/admin.json' },
      dependencies: ['auth'],
    },
  ],
})
