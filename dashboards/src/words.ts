/** Sentences that descriptions share. */

/** What a panel of energy shows, how much of the world is in it, and how it is known. */
export const ofEnergy = (what: string, boundary: string, method: string): string =>
  `${what}\n\n**Boundary:** ${boundary}\n\n**Method:** ${method}`

export const WIDEST =
  'all that is known of a workload: what accelerators and the host use for it, the idle power of what it holds, and cooling, power conversion and network as far as meters show them. What is not measured is missing, not 0.'

export const BOOKED =
  'each machine with what its sensors show: accelerators, CPU, memory and board, and the cooling and power conversion that are its own. What a hall shares is not in it.'

export const RECORDED =
  'counters and meters of the machines, summed every minute by the recording rules; a minute in which Prometheus was away is missing.'

export const FIVE_MINUTES =
  'mean over five minutes of what counters and meters show, or of a model where nothing is measured.'

export const MONEY = 'Money is energy times the price at the head of this dashboard, today’s for all times.'
