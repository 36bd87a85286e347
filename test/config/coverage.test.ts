/** What a configuration may not say about devices: nothing is covered twice, and nothing is left open. */
import { describe, expect, test } from '@jest/globals'
import { ConfigError } from '../../exporter/src/config/load.ts'
import { configOf } from '../devices/device-machine.ts'

function problemsOf(yaml: string): readonly string[] {
  try {
    configOf(yaml)
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map((problem) => problem.replace(/ \(line .*?\)/, ''))
    throw error
  }
  return []
}

/** @param keys of one Redfish service each */
const services = (...keys: readonly string[]): string =>
  `redfish:\n${keys.map((one) => `  - { url: "https://bmc", ${one} }`).join('\n')}\n`

describe('a device', () => {
  test('that is a whole machine takes one line', () => {
    expect(configOf(services('name: bmc, covers: node')).devices.redfish).toEqual([
      {
        name: 'bmc',
        period: 10,
        timeout: 20,
        meters: [
          {
            name: 'bmc',
            covers: 'node',
            component: 'node',
            within: '',
            isBooked: true,
            figures: [],
            minus: [],
            maximum: 100_000,
          },
        ],
        url: 'https://bmc',
        credentials: { username: '', passwordFile: '', passwordEnv: '' },
        auth: 'session',
        caFile: '',
        tlsVerify: true,
      },
    ])
  })

  test('of a zone is of the zone of this machine, unless it says another', () => {
    const config = configOf(
      `zone: closet\n${services('name: a, covers: zone, role: it', 'name: b, covers: zone, zone: hall, role: total')}`,
    )
    expect(config.devices.redfish.map(({ meters }) => meters[0])).toMatchObject([
      { zone: 'closet', role: 'it', maximum: 10_000_000 },
      { zone: 'hall', role: 'total' },
    ])
  })

  test('may have no meter of interest, where it says so', () => {
    expect(configOf(services('name: a, meters: []')).devices.redfish[0]?.meters).toEqual([])
  })

  test.each([
    [
      'name: a',
      ['`redfish[0].covers` is missing: say `node` where it measures this machine, `zone` where a room'],
    ],
    ['name: a, covers: zone, zone: hall', ['`redfish[0].role` is missing: say what of the room it sees']],
    [
      'name: a, covers: zone, role: it',
      ['`redfish[0].zone` is missing: name the room, here or with the key `zone`'],
    ],
    ['name: a, covers: node, role: it', ['`redfish[0].role` goes with `covers: zone`']],
    [
      'name: a, covers: zone, zone: z, role: it, component: cpu, booked: false',
      ['`redfish[0].component` goes with `covers: node`', '`redfish[0].booked` goes with `covers: node`'],
    ],
    [
      'name: a, covers: node, meters: []',
      ['`redfish[0].covers` cannot be beside `meters`: say it of each meter'],
    ],
    [
      'name: a, meters: [{ name: x }]',
      [
        '`redfish[0].meters[0].covers` is missing: say `node` where it measures this machine, `zone` where a room',
      ],
    ],
    [
      'name: "a{b}", covers: node',
      ['`redfish[0].name` must be at most 64 letters, digits, spaces or . _ : / -'],
    ],
  ])('is refused: %s', (keys, problems) => {
    expect(problemsOf(services(keys))).toEqual(problems)
  })

  test('does not hold a password', () => {
    const text = 'redfish:\n  - { name: a, url: "https://root:calvin@bmc", covers: node }\n'
    expect(problemsOf(text)).toEqual([
      '`redfish[0].url` must not hold a user or a password: use `username` and `password_file`',
    ])
    expect(problemsOf(text).join()).not.toContain('calvin')
  })
})

describe('devices together', () => {
  test.each([
    [
      'two meters of one name',
      services('name: a, covers: node', 'name: b, meters: [{ name: a, covers: node, component: cooling }]'),
      ['`redfish[1].meters[0].name` is the name of another meter or domain already'],
    ],
    [
      'a meter of the name of a domain',
      `hwmon:\n  - { chip: x, input: power1, domain: psu, component: board }\n${services('name: psu, covers: node')}`,
      ['`redfish[0].name` is the name of another meter or domain already'],
    ],
    [
      'two devices of one name',
      services('name: a, meters: []', 'name: a, meters: []'),
      ['`redfish[1].name` names a device of this list twice'],
    ],
    [
      'two meters of the whole machine, such as a controller asked in two ways',
      `ipmi:\n  - { name: ipmi, covers: node }\n${services('name: bmc, covers: node')}`,
      [
        '`redfish[0].covers` says that it measures the whole machine, as another meter does: `booked: false` shows it beside the other, `within` puts it inside',
      ],
    ],
    [
      'a figure that counts twice',
      services(
        'name: a, meters: [{ name: x, figures: [P], covers: node }, { name: y, figures: [P], covers: zone, zone: z, role: it }]',
      ),
      ['`redfish[0].meters[1].figures` count `P`, which `x` counts already: each once'],
    ],
    [
      'the main meter twice',
      services(
        'name: a, meters: [{ name: x, covers: node }, { name: y, covers: zone, zone: z, role: cooling }]',
      ),
      ['`redfish[0].meters[1].figures` count the main meter, which `x` counts already: each once'],
    ],
    [
      'cooling that is booked directly and through the zone',
      `zone: closet\n${services('name: ac, covers: node, component: cooling', 'name: hall, covers: zone, role: cooling')}`,
      [
        '`redfish[0].component` is booked here and, by `hall`, through the zone as well: a meter is booked directly or through the zone, never both',
      ],
    ],
    [
      'a constant for what is measured',
      `zone: closet\npue: 1.4\n${services('name: mains, covers: zone, role: total')}`,
      ['`pue` is a constant for a zone that `mains` measures: leave out one of the two'],
    ],
  ])('%s are refused', (_, yaml, problems) => {
    expect(problemsOf(yaml)).toEqual(problems)
  })

  test.each([
    [
      'a controller asked in two ways, of which one is shown only',
      `ipmi:\n  - { name: ipmi, covers: node, booked: false }\n${services('name: bmc, covers: node')}`,
    ],
    [
      'a controller inside the socket that feeds it',
      services('name: plug, covers: node', 'name: bmc, covers: node, within: plug'),
    ],
    [
      'what goes into a UPS as the total and its loss beside it',
      services(
        'name: ups, meters: [{ name: in, figures: [i], covers: zone, zone: z, role: total }, { name: loss, figures: [i], minus: [o], covers: zone, zone: z, role: power }]',
      ),
    ],
    [
      'an own air conditioner beside the cooling of another room',
      `zone: closet\n${services('name: ac, covers: node, component: cooling', 'name: hall, covers: zone, zone: hall, role: cooling')}`,
    ],
  ])('%s is fine', (_, yaml) => {
    expect(problemsOf(yaml)).toEqual([])
  })
})
