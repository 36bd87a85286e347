/** Services in the shape of the DMTF's schemas: two styles of BMC, a rack with two PDUs, a loop with its CDU. */
export type Resource = Readonly<Record<string, unknown>>
/** By path, without a slash at the end. */
export type Mockup = Map<string, Resource>

const link = (path: string): Resource => ({ '@odata.id': path })

const ROOT = '/redfish/v1'

function mockup(expands: boolean, resources: Readonly<Record<string, Resource>>): Mockup {
  const tree: Mockup = new Map()
  for (const [path, resource] of Object.entries(resources)) tree.set(path, { '@odata.id': path, ...resource })
  const service = ['Chassis', 'PowerEquipment', 'ThermalEquipment'].filter((name) =>
    tree.has(`${ROOT}/${name}`),
  )
  tree.set(ROOT, {
    '@odata.id': ROOT,
    '@odata.type': '#ServiceRoot.v1_15_0.ServiceRoot',
    Id: 'RootService',
    RedfishVersion: '1.15.0',
    ProtocolFeaturesSupported: {
      ExpandQuery: { NoLinks: expands, ExpandAll: false, Links: false, Levels: false },
    },
    ...Object.fromEntries(service.map((name) => [name, link(`${ROOT}/${name}`)])),
    Links: { Sessions: link(`${ROOT}/SessionService/Sessions`) },
  })
  return tree
}

const collection = (name: string, ...members: readonly string[]): Resource => ({
  '@odata.type': `#${name}Collection.${name}Collection`,
  Name: `${name} Collection`,
  'Members@odata.count': members.length,
  Members: members.map(link),
})

/**
 * As of 2021 and later: EnvironmentMetrics with a lifetime counter in joules, PowerSubsystem, ThermalSubsystem; the
 * deprecated Power is there as well and disagrees. It expands collections.
 */
export function modernBmc(): Mockup {
  const chassis = `${ROOT}/Chassis/1U`
  return mockup(true, {
    [`${ROOT}/Chassis`]: collection('Chassis', `${chassis}-backplane`, chassis),
    [`${chassis}-backplane`]: { Id: '1U-backplane', Links: { ContainedBy: link(chassis) } },
    [chassis]: {
      '@odata.type': '#Chassis.v1_21_0.Chassis',
      Id: '1U',
      ChassisType: 'RackMount',
      EnvironmentMetrics: link(`${chassis}/EnvironmentMetrics`),
      Power: link(`${chassis}/Power`),
      PowerSubsystem: link(`${chassis}/PowerSubsystem`),
      ThermalSubsystem: link(`${chassis}/ThermalSubsystem`),
      Sensors: link(`${chassis}/Sensors`),
    },
    [`${chassis}/EnvironmentMetrics`]: {
      '@odata.type': '#EnvironmentMetrics.v1_3_0.EnvironmentMetrics',
      Id: 'EnvironmentMetrics',
      TemperatureCelsius: { DataSourceUri: `${chassis}/Sensors/AmbientTemp`, Reading: 22.5 },
      PowerWatts: { DataSourceUri: `${chassis}/Sensors/TotalPower`, Reading: 374 },
      EnergyJoules: { Reading: 5_000_000 },
    },
    [`${chassis}/Power`]: {
      '@odata.type': '#Power.v1_7_1.Power',
      PowerControl: [{ MemberId: '0', Name: 'System Power Control', PowerConsumedWatts: 344 }],
    },
    [`${chassis}/PowerSubsystem`]: {
      Id: 'PowerSubsystem',
      PowerSupplies: link(`${chassis}/PowerSubsystem/PowerSupplies`),
    },
    [`${chassis}/PowerSubsystem/PowerSupplies`]: collection(
      'PowerSupply',
      `${chassis}/PowerSubsystem/PowerSupplies/Bay1`,
      `${chassis}/PowerSubsystem/PowerSupplies/Bay2`,
    ),
    ...Object.fromEntries<Resource>(
      ['Bay1', 'Bay2'].flatMap((bay): [string, Resource][] => {
        const path = `${chassis}/PowerSubsystem/PowerSupplies/${bay}`
        return [
          [path, { Id: bay, Metrics: link(`${path}/Metrics`) }],
          [
            `${path}/Metrics`,
            { Id: 'Metrics', InputPowerWatts: { Reading: 190 }, OutputPowerWatts: { Reading: 175 } },
          ],
        ]
      }),
    ),
    [`${chassis}/ThermalSubsystem`]: {
      Id: 'ThermalSubsystem',
      ThermalMetrics: link(`${chassis}/ThermalSubsystem/ThermalMetrics`),
      Fans: link(`${chassis}/ThermalSubsystem/Fans`),
    },
    [`${chassis}/ThermalSubsystem/ThermalMetrics`]: {
      TemperatureReadingsCelsius: [
        { Reading: 22.5, DeviceName: 'Intake', DataSourceUri: `${chassis}/Sensors/AmbientTemp` },
        { Reading: 71, DataSourceUri: `${chassis}/Sensors/CPU1Temp` },
        { Reading: null, DeviceName: 'CPU2' },
      ],
    },
    [`${chassis}/ThermalSubsystem/Fans`]: collection('Fan', `${chassis}/ThermalSubsystem/Fans/1`),
    [`${chassis}/ThermalSubsystem/Fans/1`]: {
      Id: '1',
      Name: 'Fan 1',
      SpeedPercent: { Reading: 45, SpeedRPM: 5200 },
    },
    [`${chassis}/Sensors`]: collection('Sensor', `${chassis}/Sensors/TotalPower`),
    [`${chassis}/Sensors/TotalPower`]: {
      Id: 'TotalPower',
      ReadingType: 'Power',
      ReadingUnits: 'W',
      PhysicalContext: 'Chassis',
      Reading: 374,
    },
  })
}

/** As of before 2020: Power and Thermal only. It expands nothing. */
export function legacyBmc(): Mockup {
  const chassis = `${ROOT}/Chassis/System.Embedded.1`
  return mockup(false, {
    [`${ROOT}/Chassis`]: collection('Chassis', chassis),
    [chassis]: {
      '@odata.type': '#Chassis.v1_9_0.Chassis',
      Id: 'System.Embedded.1',
      Power: link(`${chassis}/Power`),
      Thermal: link(`${chassis}/Thermal`),
    },
    [`${chassis}/Power`]: {
      '@odata.type': '#Power.v1_5_0.Power',
      PowerControl: [
        { MemberId: 'PowerControl', Name: 'System Power Control', PowerConsumedWatts: 300 },
        { MemberId: 'CPU', PowerConsumedWatts: 120 },
      ],
    },
    [`${chassis}/Thermal`]: {
      Fans: [
        { MemberId: '0', Name: 'System Board Fan1A', Reading: 4800, ReadingUnits: 'RPM' },
        { MemberId: '1', Name: 'System Board Fan1B', Reading: 40, ReadingUnits: 'Percent' },
      ],
      Temperatures: [{ MemberId: '0', Name: 'System Board Inlet Temp', ReadingCelsius: 21 }],
    },
  })
}

/** Two rack PDUs, of which one has outlets that are measured one by one. Its pages hold one member each. */
export function rackPdus(): Mockup {
  const equipment = `${ROOT}/PowerEquipment`
  const pdu = (id: string): string => `${equipment}/RackPDUs/${id}`
  return mockup(false, {
    [equipment]: { Id: 'PowerEquipment', RackPDUs: link(`${equipment}/RackPDUs`) },
    [`${equipment}/RackPDUs`]: collection('PowerDistribution', pdu('A'), pdu('B')),
    [pdu('A')]: { Id: 'A', Metrics: link(`${pdu('A')}/Metrics`), Outlets: link(`${pdu('A')}/Outlets`) },
    [`${pdu('A')}/Metrics`]: {
      Id: 'Metrics',
      PowerWatts: { Reading: 4000 },
      EnergykWh: { Reading: 1000.001 },
    },
    [`${pdu('A')}/Outlets`]: collection('Outlet', `${pdu('A')}/Outlets/A1`, `${pdu('A')}/Outlets/A2`),
    [`${pdu('A')}/Outlets/A1`]: { Id: 'A1', PowerWatts: { Reading: 350 } },
    [`${pdu('A')}/Outlets/A2`]: { Id: 'A2', PowerWatts: { Reading: 650 } },
    [pdu('B')]: { Id: 'B', Metrics: link(`${pdu('B')}/Metrics`) },
    [`${pdu('B')}/Metrics`]: { Id: 'Metrics', PowerWatts: { Reading: 3000, ApparentVA: 3100 } },
  })
}

/**
 * A coolant distribution unit with a pump and a connector on each side. The OCP's own sample: 41 L/min of a coolant
 * of 1030 kg/m³ and 3.974 kJ/(kg·K), warmed by 14 K, carry 39.2 kW, of which the unit says 21.03.
 */
export function coolingLoop(): Mockup {
  const equipment = `${ROOT}/ThermalEquipment`
  const unit = `${equipment}/CDUs/1`
  return mockup(false, {
    [equipment]: { Id: 'ThermalEquipment', CDUs: link(`${equipment}/CDUs`) },
    [`${equipment}/CDUs`]: collection('CoolingUnit', unit),
    [unit]: {
      '@odata.type': '#CoolingUnit.v1_2_0.CoolingUnit',
      Id: '1',
      EquipmentType: 'CDU',
      Coolant: { CoolantType: 'Water', SpecificHeatkJoulesPerKgK: 3.974, DensityKgPerCubicMeter: 1030 },
      EnvironmentMetrics: link(`${unit}/EnvironmentMetrics`),
      Pumps: link(`${unit}/Pumps`),
      PrimaryCoolantConnectors: link(`${unit}/PrimaryCoolantConnectors`),
      SecondaryCoolantConnectors: link(`${unit}/SecondaryCoolantConnectors`),
    },
    [`${unit}/EnvironmentMetrics`]: {
      Id: 'EnvironmentMetrics',
      PowerWatts: { Reading: 900 },
      EnergyJoules: { Reading: 7e9 },
    },
    [`${unit}/Pumps`]: collection('Pump', `${unit}/Pumps/1`),
    [`${unit}/Pumps/1`]: { Id: '1', PumpSpeedPercent: { Reading: 68, SpeedRPM: 3200 } },
    [`${unit}/PrimaryCoolantConnectors`]: collection(
      'CoolantConnector',
      `${unit}/PrimaryCoolantConnectors/1`,
    ),
    [`${unit}/PrimaryCoolantConnectors/1`]: { Id: '1', SupplyTemperatureCelsius: { Reading: 18 } },
    [`${unit}/SecondaryCoolantConnectors`]: collection(
      'CoolantConnector',
      `${unit}/SecondaryCoolantConnectors/1`,
    ),
    [`${unit}/SecondaryCoolantConnectors/1`]: {
      Id: '1',
      FlowLitersPerMinute: { Reading: 41 },
      SupplyTemperatureCelsius: { Reading: 24 },
      ReturnTemperatureCelsius: { Reading: 38 },
      DeltaTemperatureCelsius: { Reading: 14 },
      HeatRemovedkW: { Reading: 21.03 },
    },
  })
}
