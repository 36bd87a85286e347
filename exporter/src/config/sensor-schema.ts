/** The keys of sensors that only people can describe, and of where domains are in each other. */
import { z } from 'zod'
import { COMPONENTS, type DomainComponent } from '../model.ts'

const words = (): z.ZodString => z.string().min(1, 'must not be empty')

/** One input of the kernel's hwmon and what it measures. */
export interface HwmonConfig {
  readonly chip: string
  readonly input?: string
  readonly label?: string
  readonly domain: string
  readonly component: DomainComponent
  /** Empty: a root, unless a meter of the whole machine encloses it. */
  readonly within: string
}

export interface NestingConfig {
  readonly domain: string
  /** Empty: a root. */
  readonly within: string
}

const hwmonInput = z
  .strictObject({
    chip: words().describe(
      'What the driver calls the chip (`name` in its folder below `/sys/class/hwmon`), or the folder itself, such as `hwmon3`, where several have the same name.',
    ),
    input: z
      .string()
      .regex(/^(power|energy)\d+$/, 'must be of the form power1 or energy1')
      .optional()
      .describe('Which of its inputs, such as `power1` or `energy1`. This or `label`.'),
    label: words().optional().describe('Which of its inputs, by the text of its `power1_label`.'),
    domain: words().describe('What it shall be called: the label `domain` of its metrics. Each name once.'),
    component: z
      .enum(['node', ...COMPONENTS])
      .describe(
        'What it measures. `node`: the whole machine, which contains what other sensors measure of it.',
      ),
    within: z
      .string()
      .default('')
      .describe('The domain that contains it. Without it, a meter of the whole machine, where there is one.'),
  })
  .refine(({ input, label }) => input !== undefined || label !== undefined, {
    path: ['input'],
    error: 'is missing; `label` would do as well',
  })

export const hwmon = z
  .array(hwmonInput)
  .check(({ value, issues }) => refuseTwice(value, issues))
  .default([])
  .describe("Power and energy inputs of the kernel's hwmon drivers that are to be booked.")

const nestingItem = z.strictObject({
  domain: words().describe('The domain that is inside, as in the label `domain` of its metrics.'),
  within: z.string().describe('The domain that contains it; empty: none does.'),
})

export const nesting = z
  .array(nestingItem)
  .check(({ value, issues }) => refuseTwice(value, issues))
  .default([])
  .describe(
    'Which domain contains which, where the sensors cannot know it, such as a GPU inside a platform zone.',
  )

function refuseTwice(value: readonly { readonly domain: string }[], issues: z.core.$ZodRawIssue[]): void {
  const seen = new Set<string>()
  value.forEach(({ domain }, index) => {
    if (seen.has(domain)) {
      issues.push({ code: 'custom', input: value, path: [index, 'domain'], message: 'names a domain twice' })
    }
    seen.add(domain)
  })
}

export const hwmonConfigOf = (inputs: z.output<typeof hwmon>): HwmonConfig[] =>
  inputs.map(({ input, label, ...rest }) => ({
    ...rest,
    ...(input !== undefined && { input }),
    ...(label !== undefined && { label }),
  }))
