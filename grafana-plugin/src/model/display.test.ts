import { createTheme } from '@grafana/data'
import { countText, durationText, joulesDisplay, percentText, signed, wattsText } from './display'

const theme = createTheme()
const display = (config: Parameters<typeof joulesDisplay>[0], unit = 'joule') =>
  joulesDisplay(config, unit, theme, 'utc')

test('joules are shown in the unit that users choose', () => {
  expect(display({}).text(7200)).toBe('7.20 kJ')
  expect(display({}, 'watth').text(7200)).toBe('2 Wh')
  expect(display({ unit: 'watth' }).text(1.8)).toBe('500 µWh')
  expect(display({ unit: 'kwatth', decimals: 2 }).text(5.4e6)).toBe('1.50 kWh')
})

test('mappings and thresholds see the figure that is shown', () => {
  const options = { '2': { text: 'two', color: 'red' } }
  const config = { unit: 'watth', mappings: [{ type: 'value', options }] } as never
  expect(display(config).text(7200)).toBe('two')
})

test('counts, shares, signs, times', () => {
  expect([3, 1234.6, 41_020, 5_210_000].map(countText)).toEqual(['3', '1.24K', '41K', '5.21M'])
  expect(percentText(0.1234, 1)).toBe('12.3 %')
  expect([signed('5 J', 5), signed('5 J', -5), signed('0 J', 0)]).toEqual(['+5 J', '−5 J', '0 J'])
  expect([3.25, 42, 3725, 90_061].map(durationText)).toEqual(['3.3 s', '42 s', '01:02:05', '1 d 01:01:01'])
  expect(wattsText({}, 1320)).toBe('1.32 kW')
})
