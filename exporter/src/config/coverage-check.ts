/** What all devices together say they cover: nothing twice, nothing both here and in the zone. */
import type { z } from 'zod'
import type { FacilityRole } from '../model.ts'
import { metersIn, type DeviceContent } from './device-schema.ts'

/** The devices of one kind, under the key of their list. */
export type DevicesByKind = Readonly<Record<string, readonly DeviceContent[]>>

interface Place {
  readonly path: readonly (string | number)[]
  readonly device: DeviceContent
  readonly meter: ReturnType<typeof metersIn>[number]
}

/**
 * @param others names of domains that other keys give away
 * @param ownZone the key `zone`
 */
export function checkCoverage(
  kinds: DevicesByKind,
  {
    others,
    ownZone,
    hasPue,
  }: { readonly others: readonly string[]; readonly ownZone: string; readonly hasPue: boolean },
  context: z.core.$RefinementCtx,
): void {
  const complain = (path: readonly (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', input: undefined, path: [...path], message })
  const places = placesIn(kinds)
  for (const [kind, devices] of Object.entries(kinds)) {
    repeated(devices.map(({ name }) => name)).forEach((index) =>
      complain([kind, index, 'name'], 'names a device of this list twice'),
    )
  }
  const names = [...others, ...places.map(({ meter }) => meter.name)]
  for (const index of repeated(names)) {
    const place = places[index - others.length]
    if (place !== undefined)
      complain([...place.path, 'name'], 'is the name of another meter or domain already')
  }
  for (const place of places) {
    if (place.meter.covers === 'zone' && (place.meter.zone ?? ownZone) === '')
      complain([...place.path, 'zone'], 'is missing: name the room, here or with the key `zone`')
  }
  countedTwice(places).forEach(([place, message]) => complain([...place.path, 'figures'], message))
  for (const place of places.filter(isWholeMachine).slice(1)) {
    complain(
      [...place.path, 'covers'],
      'says that it measures the whole machine, as another meter does: `booked: false` shows it beside the other, `within` puts it inside',
    )
  }
  for (const place of places) {
    const role = place.meter.component
    if (place.meter.covers !== 'node' || !isRole(role)) continue
    const other = places.find(
      ({ meter }) => meter.covers === 'zone' && meter.role === role && (meter.zone ?? ownZone) === ownZone,
    )
    if (other !== undefined)
      complain(
        [...place.path, 'component'],
        `is booked here and, by \`${other.meter.name}\`, through the zone as well: a meter is booked directly or through the zone, never both`,
      )
  }
  const total = places.find(
    ({ meter }) => meter.covers === 'zone' && meter.role === 'total' && (meter.zone ?? ownZone) === ownZone,
  )
  if (hasPue && total !== undefined)
    complain(
      ['pue'],
      `is a constant for a zone that \`${total.meter.name}\` measures: leave out one of the two`,
    )
}

const placesIn = (kinds: DevicesByKind): Place[] =>
  Object.entries(kinds).flatMap(([kind, devices]) =>
    devices.flatMap((device, index) =>
      metersIn(device).map((meter, number) => ({
        device,
        meter,
        path: [kind, index, ...(device.meters === undefined ? [] : ['meters', number])],
      })),
    ),
  )

/** A figure may be taken away in one meter and be added in another: what leaves a UPS goes somewhere. */
function countedTwice(places: readonly Place[]): (readonly [Place, string])[] {
  const seen = new Map<DeviceContent, Map<string, string>>()
  return places.flatMap((place): (readonly [Place, string])[] => {
    const { device, meter } = place
    if (meter.covers === 'node' && meter.booked === false) return []
    const counted = seen.get(device) ?? new Map<string, string>()
    seen.set(device, counted)
    // A total and its parts are not the same: a zone may have both.
    const scope = meter.covers === 'zone' && meter.role === 'total' ? 'total' : 'part'
    const wanted = meter.figures.length === 0 ? [''] : meter.figures
    const isLoss = meter.minus.length > 0
    if (isLoss) return []
    const twice = wanted.find((id) => counted.has(`${scope}\0${id}`))
    const by = counted.get(`${scope}\0${twice}`)
    for (const id of wanted) counted.set(`${scope}\0${id}`, meter.name)
    const what = twice === '' ? 'the main meter' : `\`${twice}\``
    return twice === undefined ? [] : [[place, `count ${what}, which \`${by}\` counts already: each once`]]
  })
}

const isWholeMachine = ({ meter }: Place): boolean =>
  meter.covers === 'node' &&
  (meter.component ?? 'node') === 'node' &&
  meter.booked !== false &&
  (meter.within ?? '') === ''

const isRole = (
  component: string | undefined,
): component is Exclude<FacilityRole, 'it' | 'total' | 'solar'> =>
  component === 'cooling' || component === 'power' || component === 'network'

/** Where a name comes for the second time or later. */
const repeated = (names: readonly string[]): number[] =>
  names.flatMap((name, index) => (names.indexOf(name) < index ? [index] : []))
