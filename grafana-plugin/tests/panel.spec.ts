// fixtures are methods by their types only
/* eslint-disable @typescript-eslint/unbound-method */
import { expect, test } from '@grafana/plugin-e2e'

/** These need a running Grafana with the built plugin: `docker compose up` beside this package. */
const DASHBOARD = { fileName: 'energy.json' }

test('energy per query says which queries it needs when there are none', async ({ panelEditPage }) => {
  await panelEditPage.setVisualization('Wattribute Energy')
  await expect(panelEditPage.panel.locator).toContainText('accelerator')
})

test('the provisioned dashboard shows both views', async ({
  gotoDashboardPage,
  readProvisionedDashboard,
}) => {
  const page = await gotoDashboardPage(await readProvisionedDashboard(DASHBOARD))
  await expect(page.getPanelByTitle('Energy per query').locator).toBeVisible()
  await expect(page.getPanelByTitle('Training phases').locator).toBeVisible()
})

test('the options of both views are there', async ({ gotoPanelEditPage, readProvisionedDashboard }) => {
  const dashboard = await readProvisionedDashboard(DASHBOARD)
  const edit = await gotoPanelEditPage({ dashboard, id: '1' })
  const options = edit.getCustomOptions('Energy per query')
  await options.getSwitch('100 %').check()
  await expect(edit.panel.locator).toContainText('Energy per query')
})
