/** What a panel is shown with. Plain data, so that it can be handed to the page. */
export interface Scene {
  readonly title: string
  readonly series: readonly FrameData[]
  readonly targets: readonly string[]
  readonly state: 'Done' | 'Loading' | 'Error' | 'NotStarted'
  readonly errors?: ReadonlyArray<{ readonly refId: string; readonly message: string }>
  readonly options: Readonly<Record<string, unknown>>
  readonly fieldConfig?: {
    readonly defaults?: Readonly<Record<string, unknown>>
    readonly overrides?: ReadonlyArray<Readonly<Record<string, unknown>>>
  }
  readonly theme: 'dark' | 'light'
  readonly width: number
  readonly height: number
  readonly timeZone: string
  /** Unix milliseconds. */
  readonly from: number
  readonly to: number
  readonly untilNow: boolean
}

export interface FieldData {
  readonly name: string
  readonly type: 'time' | 'number' | 'string'
  readonly values: ReadonlyArray<number | string | null>
  readonly labels?: Readonly<Record<string, string>>
  readonly config?: Readonly<Record<string, unknown>>
}

export interface FrameData {
  readonly refId: string
  readonly meta?: Readonly<Record<string, unknown>>
  readonly fields: readonly FieldData[]
}
