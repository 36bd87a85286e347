/** Another exporter's metrics page, so that an existing installation needs no second driver. */
import { tlsOf } from '../devices/http.ts'
import { withSupply, type Supply } from '../devices/limited-power.ts'
import { metricsEndpointClient, type MetricsEndpointSettings } from '../devices/metrics-endpoint.ts'
import type { World } from '../world.ts'
import { PolledSensor, type DeviceSettings } from './polled.ts'
import type { About } from './sensor.ts'

export const about: About = {
  name: 'prometheus',
  measures:
    'Energy or power that another exporter measures already: series of its metrics page, chosen by name and labels.',
  components: ['node', 'accelerator', 'cpu', 'memory', 'board', 'cooling', 'power', 'network'],
  method: 'counter',
  reads: 'the metrics page of any exporter, such as dcgm-exporter, snmp_exporter or node_exporter',
  unit: 'as configured: W, kW, ... of the moment, integrated (method integrated); J, mJ, Wh, kWh, ... counted, may begin anew',
  needs: 'the key prometheus in the configuration',
  source: 'https://prometheus.io/docs/instrumenting/exposition_formats',
}

export type MetricsEndpoint = DeviceSettings & MetricsEndpointSettings & { readonly supply: Supply }

export const metricsEndpoint = ({ clock }: World, device: MetricsEndpoint): PolledSensor =>
  new PolledSensor(clock, {
    about,
    device,
    settings: JSON.stringify(device),
    tls: tlsOf(device),
    client: withSupply(metricsEndpointClient(device), device.supply),
  })
