/** How an AI program is called, and where its arguments name the model. */
export interface Signature {
  /** What people call the server or launcher. */
  readonly name: string
  readonly kind: 'training' | 'inference' | 'interactive'
  /** `serves`: answers requests; `launches`: starts what does the work; `works`: does it. */
  readonly role: 'serves' | 'launches' | 'works'
  /** Program or Python module with its first words. */
  readonly calls: readonly string[]
  readonly model?: ModelPlaces
}

/** Where a model is named, first place first. */
export interface ModelPlaces {
  /** Under which clients know it. */
  readonly alias?: readonly string[]
  readonly options?: readonly string[]
  /** The word that follows the call. */
  readonly isFirstWord?: true
  /** An option that is given again names another model. */
  readonly isSeveralIfRepeated?: true
  readonly environment?: readonly string[]
  /** Options that tell the precision of the weights. */
  readonly precision?: readonly string[]
  readonly precisionEnvironment?: readonly string[]
  /** Options that tell the precision of the cache of keys and values. */
  readonly cachePrecision?: readonly string[]
}
