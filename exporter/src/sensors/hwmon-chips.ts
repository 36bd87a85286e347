/**
 * The chips below /sys/class/hwmon and what their drivers call them. The list is read at each look, the names only
 * when the list has changed, or after a minute: https://docs.kernel.org/hwmon/sysfs-interface.html
 */
import type { Seconds } from '../units.ts'
import { Unreadable, type World } from '../world.ts'

export interface Chip {
  /** `hwmon3`; another at the next boot. */
  readonly folder: string
  /** What the driver calls it, such as `power_meter` or `ina3221`. */
  readonly name: string
  /** Where its attributes are, with their names: older kernels have those of some drivers in `device`. */
  readonly places: readonly { readonly path: string; readonly attributes: readonly string[] }[]
}

export interface ChipPlace {
  /** Below sysfs. */
  readonly root: string
  readonly folder: RegExp
}

const HWMON: ChipPlace = { root: 'class/hwmon', folder: /^hwmon\d+$/ }

const numberOf = (folder: string): number => Number(/\d+$/.exec(folder)?.[0])

const NAMES_AGE_SECONDS = 60

export class HwmonChips {
  readonly root: string
  readonly #world: World
  readonly #folder: RegExp
  #chips: readonly Chip[] = []
  #listing = ''
  #readAt: Seconds | undefined

  /** @param place where folders of such a name are, each a chip */
  constructor(world: World, place: ChipPlace = HWMON) {
    this.#world = world
    this.root = `${world.sysfs}/${place.root}`
    this.#folder = place.folder
  }

  /** @returns in the order of the kernel's numbers */
  look(at: Seconds): readonly Chip[] | Unreadable {
    const listed = this.#world.files.list(this.root)
    if (listed instanceof Unreadable) return listed
    const listing = listed.join('\n')
    if (this.#readAt === undefined || at - this.#readAt >= NAMES_AGE_SECONDS || listing !== this.#listing) {
      this.#readAt = at
      this.#listing = listing
      this.#chips = listed
        .filter((folder) => this.#folder.test(folder))
        .sort((one, other) => numberOf(one) - numberOf(other))
        .flatMap((folder) => this.#chipIn(folder))
    }
    return this.#chips
  }

  /** The path of an attribute; undefined where the chip has none of that name. */
  pathOf({ places }: Chip, attribute: string): string | undefined {
    const place = places.find(({ attributes }) => attributes.includes(attribute))
    return place && `${place.path}/${attribute}`
  }

  /** The text of an attribute that never changes, such as a label; empty where there is none. */
  labelIn(chip: Chip, attribute: string): string {
    const path = this.pathOf(chip, attribute)
    const text = path === undefined ? '' : this.#world.files.readText(path)
    return text instanceof Unreadable ? '' : text.trim()
  }

  #chipIn(folder: string): Chip[] {
    const { files } = this.#world
    const places = [`${this.root}/${folder}`, `${this.root}/${folder}/device`].flatMap((path) => {
      const attributes = files.list(path)
      return attributes instanceof Unreadable ? [] : [{ path, attributes }]
    })
    const chip = { folder, name: '', places }
    const name = this.labelIn(chip, 'name')
    return name === '' ? [] : [{ ...chip, name }]
  }
}
