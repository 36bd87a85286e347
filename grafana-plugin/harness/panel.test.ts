/**
 * The built panel as people see it: every state, both themes, widths from 200 px to 4K, with the libraries of three versions of
 * Grafana. The pictures are in harness/shots/; `npm run screenshots` takes those of the documents anew.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { type Harness, openHarness } from './browser'
import { columnsFrame } from './data'
import { NOW, queryEnergy, sceneOf, trainingPhases } from './examples'
import type { Scene } from './scene'
import { VERSIONS } from './versions'

const SHOTS = join(__dirname, 'shots')
mkdirSync(SHOTS, { recursive: true })

const phases = (changes: Partial<Scene> = {}) =>
  sceneOf(trainingPhases(), { title: 'Training phases', width: 1100, height: 620, ...changes })
const LEGEND_TABLE = { showLegend: true, displayMode: 'table', placement: 'right', calcs: ['sum', 'max'] }

/** Every state, by name. */
const STATES: Readonly<Record<string, Scene>> = {
  bars: sceneOf(queryEnergy({ estimated: ['memory'] })),
  'bars partly measured': sceneOf(
    queryEnergy({ unmeasured: ['overhead'], lacking: ['board'], estimated: ['memory'] }),
  ),
  'bars per token': sceneOf(queryEnergy(), { options: { quantity: 'per-token', legend: LEGEND_TABLE } }),
  'bars per 1,000 queries': sceneOf(queryEnergy(), { options: { quantity: 'per-1000-queries' } }),
  'bars in all': sceneOf(queryEnergy(), { options: { quantity: 'total', grouping: 'workload' } }),
  'bars in percent': sceneOf(queryEnergy(), { options: { percent: true, top: 3 } }),
  'bars with last week': sceneOf(queryEnergy(), { options: { compareWith: 'earlier' } }),
  'bars with another': sceneOf(queryEnergy(), { options: { compareWith: 'row', baseline: 'coder' } }),
  'bars with thresholds': sceneOf(queryEnergy(), {
    fieldConfig: {
      defaults: {
        color: { mode: 'thresholds' },
        thresholds: {
          mode: 'absolute',
          steps: [
            { value: null, color: 'green' },
            { value: 3, color: 'red' },
          ],
        },
      },
    },
  }),
  'bars of a table': sceneOf([
    columnsFrame({ workload: ['a', 'b'], accelerator: [2, 3], host: [1, null], queries: [10, 20] }),
  ]),
  phases: phases(),
  'phases without a table': phases({ options: { showTotals: false, lanesBy: 'workload' } }),
  'phases in a time zone': phases({ timeZone: 'Asia/Tokyo', width: 700 }),
  loading: sceneOf([], { state: 'Loading' }),
  'no data': sceneOf([], { targets: ['accelerator', 'host', 'idle', 'overhead', 'queries', 'quality'] }),
  'no phases': sceneOf([], {
    targets: ['timeline', 'power', 'energy', 'seconds'],
    options: { view: 'training-phases' },
  }),
  'queries missing': sceneOf(queryEnergy({ without: ['host', 'queries', 'quality'] })),
  'a query failed': sceneOf(queryEnergy({ without: ['host'] }), {
    state: 'Error',
    errors: [{ refId: 'host', message: 'query timed out in expression evaluation' }],
  }),
  'all failed': sceneOf([], { state: 'Error', errors: [{ refId: 'accelerator', message: 'bad gateway' }] }),
  'unknown data': sceneOf([columnsFrame({ job: ['x'], value: [1] })]),
}

/** What axe-core finds in the frame and the legend of an older Grafana. */
const OF_GRAFANA: Readonly<Record<string, readonly string[]>> = {
  '11.6': ['aria-prohibited-attr: <div aria-label="Panel loading bar"', 'empty-table-header: <th></th>'],
}

const WIDTHS = [200, 640, 1800, 3840]

describe.each(VERSIONS)('with the libraries of Grafana $name', (version) => {
  let harness: Harness
  beforeAll(async () => {
    harness = await openHarness(version)
  })
  afterAll(async () => harness.close())
  afterEach(() => {
    expect(harness.complaints()).toEqual([])
  })

  const shot = (name: string) =>
    harness.page.screenshot({ path: join(SHOTS, `${version.name} ${name}.png`.replaceAll(/[ ,]+/g, '-')) })

  describe.each(['dark', 'light'] as const)('in the %s theme', (theme) => {
    test.each(Object.keys(STATES))('%s: no violation of accessibility', async (name) => {
      await harness.show({ ...(STATES[name] as Scene), theme })
      await shot(`${name} ${theme}`)
      const own = OF_GRAFANA[version.name] ?? []
      const found = (await violations(harness)).filter((one) => !own.some((start) => one.startsWith(start)))
      expect(found).toEqual([])
    })

    test.each(WIDTHS)('nothing leaves the panel that is %i px wide', async (width) => {
      for (const scene of [sceneOf(queryEnergy({ unmeasured: ['overhead'] })), phases()]) {
        await harness.show({ ...scene, theme, width, height: width < 300 ? 320 : width > 3000 ? 1600 : 500 })
        await shot(`${scene.title} ${width} ${theme}`)
        expect(await overflowing(harness)).toEqual([])
      }
    })
  })

  const bar = (part: string) => harness.page.getByRole('button', { name: new RegExp(`^coder.*\\. ${part}:`) })
  const tooltip = () => harness.page.getByRole('tooltip')
  const asked = (what: string) =>
    harness.page.evaluate(
      (name) => window.asked.filter((one) => one.what === name).map(({ value }) => value),
      what,
    )

  test('the pointer shows a tooltip, and leaves none behind', async () => {
    await harness.show(sceneOf(queryEnergy()))
    await bar('accelerator').hover()
    await expect(tooltip().textContent()).resolves.toContain('1.40 J (63 %)')
    await harness.page.mouse.move(2, 2)
    await expect(tooltip().count()).resolves.toBe(0)
  })

  test('a click in the legend shows one part alone, and never hides fields of Grafana', async () => {
    await harness.show(sceneOf(queryEnergy()))
    await harness.page.locator('button', { hasText: /^host$/ }).click()
    await expect(bar('accelerator').count()).resolves.toBe(0)
    await expect(bar('host').count()).resolves.toBe(1)
    await expect(asked('hide fields')).resolves.toEqual([])
    await harness.page.locator('button', { hasText: /^host$/ }).click()
    await expect(bar('accelerator').count()).resolves.toBe(1)
  })

  test('bars are walked by keyboard, with the tooltip', async () => {
    await harness.show(sceneOf(queryEnergy()))
    await bar('accelerator').focus()
    await harness.page.keyboard.press('ArrowRight')
    await expect(bar('host').evaluate((element) => element === document.activeElement)).resolves.toBe(true)
    await expect(tooltip().textContent()).resolves.toContain('host')
    await harness.page.keyboard.press('Escape')
    await expect(tooltip().count()).resolves.toBe(0)
  })

  const link = (title: string) => ({ title, url: `#${title}`, targetBlank: false })

  test.each([1, 2])('with %i data links', async (count) => {
    const links = [link('logs'), link('traces')].slice(0, count)
    await harness.show(sceneOf(queryEnergy(), { fieldConfig: { defaults: { links } } }))
    const part = harness.page.getByRole(count === 1 ? 'link' : 'button', { name: /^coder.*\. accelerator:/ })
    const { width = 0 } = (await part.boundingBox()) ?? {}
    expect(width).toBeGreaterThan(20)
    await part.focus()
    await harness.page.keyboard.press('Enter')
    if (count === 2) await harness.page.getByText('traces', { exact: true }).click()
    await harness.page.waitForURL(count === 2 ? /#traces$/ : /#logs$/, { timeout: 5000 })
    await harness.page.evaluate(() => {
      location.hash = ''
    })
  })

  test('blocks have data links as well', async () => {
    await harness.show(phases({ fieldConfig: { defaults: { links: [link('run')] } } }))
    const block = harness.page
      .getByRole('group', { name: /^finetune/ })
      .getByRole('link')
      .last()
    const box = await block.boundingBox()
    if (box === null) throw new Error('the block is nowhere')
    await harness.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
    await harness.page.waitForURL(/#run$/, { timeout: 5000 })
    await harness.page.evaluate(() => {
      location.hash = ''
    })
  })

  test('the pointer over a block tells its phase, its time and how well that is known', async () => {
    await harness.show(phases())
    const block = harness.page
      .getByRole('group', { name: /^finetune/ })
      .getByRole('button')
      .last()
    const box = await block.boundingBox()
    if (box === null) throw new Error('the block is nowhere')
    await harness.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    await expect(tooltip().textContent()).resolves.toMatch(
      /train.*from 2026-11-24 10:4\d:\d\d ± 7.5 s.*goes on now/,
    )
  })

  test('a drag sets the time range', async () => {
    await harness.show(phases())
    const box = await harness.page.locator('.u-over').boundingBox()
    if (box === null) throw new Error('there is no plot')
    const y = box.y + box.height - 20
    await harness.page.mouse.move(box.x + box.width / 4, y)
    await harness.page.mouse.down()
    await harness.page.mouse.move(box.x + box.width / 3, y)
    await harness.page.mouse.move(box.x + box.width / 2, y)
    await harness.page.mouse.up()
    const [range] = (await asked('time range')) as ReadonlyArray<{ from: number; to: number }>
    const at = (share: number) => NOW - 2 * 3_600_000 * (1 - share)
    const pixel = (2 * 3_600_000) / box.width
    expect(Math.abs((range?.from ?? 0) - at(0.25))).toBeLessThan(2 * pixel)
    expect(Math.abs((range?.to ?? 0) - at(0.5))).toBeLessThan(2 * pixel)
  })

  test('it is suggested for its data and for no other', async () => {
    await harness.show(sceneOf(queryEnergy()))
    const names = (frames: readonly unknown[]) =>
      harness.page.evaluate(
        async (series) =>
          ((await window.suggestions(series)) as Array<{ name: string }>).map(({ name }) => name),
        [...frames],
      )
    await expect(names(queryEnergy())).resolves.toEqual(['Energy per query', 'Energy per query, shares'])
    await expect(names(trainingPhases())).resolves.toEqual(['Training phases'])
    await expect(names([columnsFrame({ job: ['x'], value: [1] })])).resolves.toEqual([])
  })
})

/** What axe-core finds, as rule and place. */
async function violations({ page }: Harness): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { axe: checker } = window as unknown as { axe: typeof axe }
    const rules = {
      // the page is no page of Grafana's: a panel alone
      region: { enabled: false },
      'page-has-heading-one': { enabled: false },
      // Grafana's own legend calls its entries `All series selected`
      'label-content-name-mismatch': { enabled: false, selector: ':not([class*=LegendLabel])' },
    }
    const { violations: found } = await checker.run(document, { rules })
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
  })
}

/** Elements that stand out of the panel to its right; what scrolls is no escape. */
function overflowing({ page }: Harness): Promise<readonly string[]> {
  return page.evaluate(() => {
    const panel = document.querySelector('section')?.getBoundingClientRect()
    if (panel === undefined) return ['there is no panel']
    const clipped = (element: Element): boolean => {
      for (let parent = element.parentElement; parent !== null; parent = parent.parentElement) {
        if (getComputedStyle(parent).overflowX !== 'visible') return true
      }
      return false
    }
    return [...document.querySelectorAll('section *')]
      .filter((element) => element.getBoundingClientRect().right > panel.right + 1 && !clipped(element))
      .map((element) => element.outerHTML.slice(0, 120))
  })
}
