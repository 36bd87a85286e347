/**
 * A management controller by IPMI, asked through ipmitool (https://github.com/ipmitool/ipmitool): power by DCMI, else
 * a sensor in watts; fans and temperatures. The password goes through the environment, as `ipmitool -E` reads it.
 */
import { passwordOf, quoted, type Credentials } from './credentials.ts'
import {
  DeviceError,
  type DeviceAnswer,
  type DeviceClient,
  type GaugeFigure,
  type MeterFigure,
} from './device.ts'
import { runProgram, type Ran, type RunProgram } from './program.ts'

export interface IpmiSettings {
  /** Empty: this machine's own controller. */
  readonly host: string
  readonly port: number
  readonly credentials: Credentials
  readonly privilege: 'user' | 'operator' | 'administrator'
  readonly cipherSuite: number | undefined
  /** Sensors beside DCMI are asked once in so many questions: their list takes a controller seconds. */
  readonly sensorsEvery: number
}

/** A controller without DCMI is asked for it again after so many questions: it may have got new firmware. */
const ASK_AGAIN_AFTER = 360

export const DCMI = 'DCMI'

export function ipmiClient(settings: IpmiSettings, run: RunProgram = runProgram): DeviceClient {
  let questions = 0
  let withoutDcmiSince: number | undefined
  let sensors: readonly SensorLine[] = []

  const tool = async (words: readonly string[], signal: AbortSignal): Promise<Ran> => {
    const password = settings.host === '' ? '' : await passwordOf(settings.credentials)
    const ran = await run('ipmitool', [...connectionWords(settings), ...words], {
      environment: { IPMI_PASSWORD: password },
      signal,
    })
    return { ...ran, stderr: quoted(ran.stderr, password) }
  }

  const power = async (signal: AbortSignal): Promise<MeterFigure | undefined> => {
    if (withoutDcmiSince !== undefined && questions - withoutDcmiSince < ASK_AGAIN_AFTER) return undefined
    const ran = await tool(['dcmi', 'power', 'reading'], signal)
    if (ran.status !== 0 && !isRefusal(ran)) throw failureOf(ran, settings)
    const watts = ran.status === 0 ? dcmiWattsIn(ran.stdout) : undefined
    withoutDcmiSince = watts === undefined ? questions : undefined
    return watts === undefined ? undefined : { id: DCMI, watts, source: 'DCMI power reading' }
  }

  return {
    async ask(signal): Promise<DeviceAnswer> {
      const dcmi = await power(signal)
      if (dcmi === undefined || sensors.length === 0 || questions % settings.sensorsEvery === 0) {
        const ran = await tool(['-c', 'sdr', 'list', 'full'], signal)
        if (ran.status === 0) sensors = sensorsIn(ran.stdout)
        else if (dcmi === undefined) throw failureOf(ran, settings)
        else sensors = []
      }
      questions += 1
      const meters = [...(dcmi === undefined ? [] : [dcmi]), ...metersIn(sensors, dcmi !== undefined)]
      return { meters, gauges: gaugesIn(sensors) }
    },
  }
}

/** All but what to do: never a password. */
function connectionWords({ host, port, credentials, privilege, cipherSuite }: IpmiSettings): string[] {
  if (host === '') return ['-I', 'open']
  return [
    ...['-I', 'lanplus', '-H', host, '-p', String(port), '-L', privilege.toUpperCase(), '-E'],
    ...(credentials.username === '' ? [] : ['-U', credentials.username]),
    ...(cipherSuite === undefined ? [] : ['-C', String(cipherSuite)]),
  ]
}

/** @returns undefined when it is switched off or no number of watts */
export function dcmiWattsIn(text: string): number | undefined {
  if (!/Power reading state is:\s+activated/.test(text)) return undefined
  const watts = /Instantaneous power reading:\s+(\d{1,5}) Watts/.exec(text)?.[1]
  // A reading of two bytes, with all bits set where the controller does not know.
  return watts === undefined || watts === '65535' ? undefined : Number(watts)
}

export interface SensorLine {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** Lines `name,value,unit,status`; those without a reading are left out. */
export const sensorsIn = (text: string): SensorLine[] =>
  text.split('\n').flatMap((line) => {
    const [, name = '', value = '', unit = '', status = ''] =
      /^(.*),(-?\d+(?:\.\d+)?),([^,]*),(\w+)\s*$/.exec(line) ?? []
    return name === '' || status === 'ns'
      ? []
      : [{ name: name.trim(), value: Number(value), unit: unit.trim() }]
  })

/** What controllers call the power of the whole machine; others are of power supplies, processors and the like. */
const WHOLE =
  /\b(total|system|sys|chassis|node|board)\b.*\b(power|pwr|watt)|\b(pwr|power|pw) ?(consumption|meter|usage)|^(power|pwr|watts)$|^sys(tem)? ?(power|pwr)|^power[_ ]?(meter|total)/i

function metersIn(sensors: readonly SensorLine[], hasMain: boolean): MeterFigure[] {
  const meters = sensors
    .filter(({ unit }) => unit === 'Watts')
    .map(({ name, value }) => ({ id: name, watts: value, source: 'sensor in watts' }))
  const whole = meters.find(({ id }) => WHOLE.test(id))
  if (hasMain || whole === undefined) return meters
  return [whole, ...meters.filter((meter) => meter !== whole)]
}

function gaugesIn(sensors: readonly SensorLine[]): GaugeFigure[] {
  return sensors.flatMap(({ name, value, unit }): GaugeFigure[] => {
    switch (unit) {
      case 'degrees C':
        return [{ id: name, quantity: 'temperature_celsius', value }]
      case 'degrees F':
        return [{ id: name, quantity: 'temperature_celsius', value: ((value - 32) * 5) / 9 }]
      case 'RPM':
        return [{ id: name, quantity: 'fan_speed_rpm', value }]
      default:
        return []
    }
  })
}

/** The controller has answered that it does not do this, or not for this user: sensors may be read all the same. */
const isRefusal = ({ stderr, stdout }: Ran): boolean =>
  /DCMI request failed|Invalid command|compcode = (c1|d4)|not supported/i.test(stderr + stdout)

function failureOf({ stderr }: Ran, { host }: IpmiSettings): DeviceError {
  if (/Unable to establish/.test(stderr)) {
    return new DeviceError(
      'no session with the controller',
      'see whether its address, user, password and `privilege` are right, IPMI over LAN is switched on, and the user may come from the network; old controllers need `cipher_suite: 3`',
    )
  }
  if (/Could not open device/.test(stderr)) {
    return new DeviceError(
      'this machine has no /dev/ipmi0',
      'load the drivers with "modprobe -a ipmi_si ipmi_devintf"; in a container pass the device through; or name a `host`',
    )
  }
  if (/privilege/i.test(stderr)) {
    return new DeviceError('the user may not read this', 'raise `privilege`, or the rights of the user')
  }
  return new DeviceError(
    `ipmitool failed: ${stderr === '' ? 'without a word' : stderr}`,
    `run ipmitool by hand to see why${host === '' ? '' : ' the controller refuses'}`,
  )
}
