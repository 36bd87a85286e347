import { describe, expect, test } from '@jest/globals'
import { loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { field, Message } from '../../exporter/src/names/protobuf.ts'
import { NoAnswer } from '../../exporter/src/names/source.ts'

/** Another implementation's encoder and decoder, by the same definition. */
const proto = loadSync(fileURLToPath(new URL('./pod-resources.proto', import.meta.url)), {
  keepCase: true,
  longs: Number,
  defaults: true,
})
const { v1 } = loadPackageDefinition(proto) as unknown as {
  v1: { PodResourcesLister: { service: ServiceDefinition } }
}
const list = v1.PodResourcesLister.service['List']

const containers = fc.array(
  fc.record({
    name: fc.string({ unit: 'grapheme' }),
    devices: fc.array(fc.record({ resource_name: fc.string(), device_ids: fc.array(fc.string()) })),
    cpu_ids: fc.array(fc.integer({ min: -1, max: 2 ** 40 })),
  }),
)

describe('messages', () => {
  test('of another encoder are read as they were meant', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), containers, (name, all) => {
        const pods = [{ name, namespace: 'ml', containers: all }]
        const bytes = list?.responseSerialize({ pod_resources: pods }) ?? Buffer.alloc(0)
        const pod = new Message(bytes).message(1)
        expect([pod.text(1), pod.text(2)]).toEqual([name, 'ml'])
        const read = pod.messages(3).map((container) => ({
          name: container.text(1),
          devices: container
            .messages(2)
            .map((one) => ({ resource_name: one.text(1), device_ids: one.texts(2) })),
        }))
        expect(read).toEqual(all.map(({ name: own, devices }) => ({ name: own, devices })))
      }),
    )
  })

  test('of ours are read by another decoder', () => {
    const long = 'x'.repeat(20_000)
    const bytes = field(1, Buffer.concat([field(1, long), field(2, 'ml')]))
    expect(list?.responseDeserialize(bytes)).toMatchObject({
      pod_resources: [{ name: long, namespace: 'ml' }],
    })
  })

  test('that are none end in no answer, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const message = new Message(Buffer.from(bytes))
          for (let number = 1; number < 16; number += 1) message.map(number)
        } catch (cause) {
          expect(cause).toBeInstanceOf(NoAnswer)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
