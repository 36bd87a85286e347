import { describe, expect, test } from '@jest/globals'
import { UserLimits } from '../../exporter/src/intake/user-limits.ts'
import { seconds } from '../../exporter/src/units.ts'

const at = (now: number) => seconds(now)

describe('what a user may send', () => {
  test('20,000 lines at once, and as many in each second after that', () => {
    const limits = new UserLimits()
    expect(limits.lines(1, 30_000, at(10))).toBe(20_000)
    expect(limits.lines(1, 1, at(10))).toBe(0)
    expect(limits.lines(1, 30_000, at(10.25))).toBe(5000)
    expect(limits.lines(1, 30_000, at(60))).toBe(20_000)
    expect(limits.lines(2, 30_000, at(10))).toBe(20_000) // another does not notice
  })

  test('a clock that goes back gives nothing and takes nothing', () => {
    const limits = new UserLimits()
    expect(limits.lines(1, 20_000, at(10))).toBe(20_000)
    expect(limits.lines(1, 1, at(5))).toBe(0)
  })

  test('16 names of phases of its own in an hour, those of everybody always', () => {
    const limits = new UserLimits()
    const admits = (phase: string, now: number): boolean => limits.admitsPhase(1, phase, at(now))
    for (let index = 0; index < 16; index += 1) expect(admits(`own-${index}`, index)).toBe(true)
    expect(admits('own-16', 20)).toBe(false)
    expect(admits('own-0', 20)).toBe(true)
    expect(admits('train/forward', 20)).toBe(true)
    expect(limits.admitsPhase(2, 'own-16', at(20))).toBe(true)
    expect(admits('own-16', 3601)).toBe(true) // own-1 was not used for an hour
    expect(admits('own-17', 3601)).toBe(false)
  })

  test('thousands of users are not remembered for ever, those that are connected are', () => {
    const limits = new UserLimits()
    for (let time = 0; time < 64; time += 1) expect(limits.enter(7, at(0))).toBe(true)
    for (let uid = 1000; uid < 4000; uid += 1) limits.lines(uid, 1, at(0))
    expect(limits.enter(7, at(0))).toBe(false)
    limits.leave(7)
    expect(limits.enter(7, at(0))).toBe(true)
  })
})
