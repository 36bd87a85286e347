/**
 * Objects of a device for snmpd's pass_persist (man snmpd.conf): the file that is its argument holds lines
 * `OID type value`, read anew at each question.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const order = (one, other) => {
  const [left, right] = [one, other].map((oid) => oid.split('.').map(Number))
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? -1) - (right[index] ?? -1)
    if (difference !== 0) return difference
  }
  return 0
}

const objects = () =>
  readFileSync(process.argv[2], 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [oid, type, ...value] = line.split(' ')
      return { oid: oid.replace(/^\./, ''), type, value: value.join(' ') }
    })
    .sort((one, other) => order(one.oid, other.oid))

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async () => (await lines.next()).value

for (let command = await next(); command !== undefined; command = await next()) {
  if (command === 'PING') {
    console.log('PONG')
    continue
  }
  const wanted = (await next()).replace(/^\./, '')
  const found =
    command === 'get'
      ? objects().find(({ oid }) => oid === wanted)
      : objects().find(({ oid }) => order(oid, wanted) > 0)
  console.log(found === undefined ? 'NONE' : `.${found.oid}\n${found.type}\n${found.value}`)
}
