/** The examples of RFC 7616 section 3.9.1, and challenges that are not taken. */
import { expect, test } from '@jest/globals'
import { digestAnswer } from '../../exporter/src/devices/digest.ts'

const QUESTION = { method: 'GET', path: '/dir/index.html', username: 'Mufasa', password: 'Circle of Life' }
const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
const challenge = (algorithm: string): string =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`

test.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
])('answers a challenge by %s', (algorithm, response) => {
  expect(digestAnswer(challenge(algorithm), QUESTION, CNONCE)).toBe(
    `Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="${CNONCE}", response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
  )
})

test.each([
  ['another scheme', 'Basic realm="plug"'],
  ['another algorithm', challenge('SHA-512-256')],
  ['no nonce', 'Digest realm="plug", qop="auth"'],
  ['integrity only', 'Digest realm="plug", qop="auth-int", nonce="1"'],
  ['nothing', ''],
])('does not answer %s', (_, text) => {
  expect(digestAnswer(text, QUESTION)).toBeUndefined()
})
