/** The equations of docs/design.md section 6, in whole microjoules, from the ledger's own state. */
import { VIEWS, type Ledger } from '../../exporter/src/ledger/ledger.ts'
import { COMPONENTS } from '../../exporter/src/model.ts'

const sum = (parts: Iterable<bigint>): bigint => {
  let total = 0n
  for (const part of parts) total += part
  return total
}

/** What is wrong with the books; nothing when they balance. */
export function imbalances(ledger: Ledger): string[] {
  const wrong: string[] = []
  const accounts = [...ledger.nesting.accounts.values()]
  const leaves = accounts.filter(({ leaf }) => leaf)
  const roots = sum(accounts.filter(({ within }) => within === '').map(({ total }) => total.toBigInt()))
  const deficits = sum([...ledger.nesting.states()].map(({ deficit }) => BigInt(deficit)))
  const leafSum = sum(leaves.map(({ total }) => total.toBigInt()))
  if (roots + deficits !== leafSum)
    wrong.push(`roots ${roots} + deficits ${deficits} is not leaves ${leafSum}`)
  for (const component of COMPONENTS) {
    const ofLeaves = sum(
      leaves
        .filter((leaf) => (leaf.component === 'node' ? 'board' : leaf.component) === component)
        .map(({ total }) => total.toBigInt()),
    )
    const shown = (view: Ledger['unattributed']): bigint =>
      sum(
        [...view.accounts()]
          .filter(({ energyClass }) => energyClass.component === component)
          .map((account) => account.shown.toBigInt()),
      )
    for (const view of VIEWS) {
      const booked =
        shown(ledger.views[view]) +
        shown(ledger.unattributed) +
        ledger.pending(view, component).toBigInt() +
        ledger.retired(view, component).toBigInt()
      if (booked !== ofLeaves) wrong.push(`${view} ${component}: booked ${booked} is not leaves ${ofLeaves}`)
    }
  }
  return wrong
}
