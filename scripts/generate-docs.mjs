/**
 * Writes docs/metrics.md, docs/sensors.md, docs/configuration.md and the rule files below deploy/prometheus from the
 * built exporter: `npm run docs`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { flagRows, environmentName, switchRows } from '../exporter/dist/config/flags.js'
import { describeConfig } from '../exporter/dist/config/load.js'
import { catalogue } from '../exporter/dist/exposition/catalogue.js'
import { ruleFiles } from '../exporter/dist/rules/rule-files.js'
import { rangeQueries } from '../exporter/dist/rules/range-queries.js'
import { queryText, ruleText } from '../exporter/dist/rules/rule-text.js'
import { everyAbout } from '../exporter/dist/sensors/index.js'
import { CPU_IDLE_WATTS, CPU_MAX_WATTS, MEMORY_WATTS_PER_GB } from '../exporter/dist/sensors/power-model.js'

const ending = (source) =>
  `\n_Generated from ${source} by \`npm run docs\`; \`npm run docs:check\` compares._\n`
const code = (text) => (text === '' ? '' : `\`${text}\``)
const cell = (text) => String(text).replaceAll('|', '\\|')
const table = (columns, rows) =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')

const metrics = `# Metrics

Every metric of the exporter, on \`/metrics\` in the Prometheus text format 0.0.4 or, for those who ask for it and not for plain text, in OpenMetrics 1.0 with the time at which each counter began (\`_created\`). Energies are counters of joules with exactly six digits after the point, so that each is a whole number of microjoules.

Per component, these equations hold on every page to the microjoule:

- Σ \`domain_energy_joules_total{within=""}\` + Σ \`domain_deficit_joules\` = Σ \`domain_energy_joules_total{leaf="true"}\`, over all components together; a leaf of component \`node\` does not exist, since what an enclosing meter sees beyond its parts is its rest, of component \`board\`.
- For each view (\`workload\`, \`container\`, \`process\`): Σ leaves = Σ \`<view>_energy_joules_total\` + Σ \`unattributed_energy_joules_total\` + \`ledger_pending_joules\` + \`ledger_retired_joules\`.

\`wattribute_conservation_error_joules\` compares them on the page itself and must be 0. Sums in PromQL are made in float64 and agree within rounding.

The boundaries of a figure are sums of its \`part\`s: \`accelerator\` (active energy of accelerators), \`host\` (active energy of CPU, memory, board), \`idle\` (idle energy of any of those), \`overhead\` (cooling, power, network). \`method\` says how a figure is known: \`counter\`, \`integrated\` or \`estimated\`. A component that is not measured has no series, since 0 means measured zero; \`component_state\` names it.

A new series of the ledger stands at 0 for \`birth_hold_seconds\`, because Prometheus cannot see the first value of a counter that appears above 0; then it shows its true total. Series that appear in the exporter's first five seconds show it at once. The series of something that ended stays for \`expire_after_seconds\`, then what it held is part of \`ledger_retired_joules\`. Counters start at 0 when the exporter starts, and when its engine had to be started anew.

${table(
  ['metric', 'type', 'unit', 'labels', 'meaning'],
  Object.values(catalogue).map(({ name, type, unit, labels, help }) => [
    code(name),
    type,
    unit,
    labels.map(code).join(', '),
    help,
  ]),
)}

Beside these stand the default metrics of prom-client about the exporter itself: \`process_*\` and \`nodejs_*\`.
${ending('exporter/src/exposition/catalogue.ts')}`

const sensors = `# Sensors

${everyAbout
  .map(
    ({ name, measures, components, method, reads, unit, needs, source }) => `## \`${name}\`

${measures}

${table(
  ['', ''],
  [
    ['components', components.map(code).join(', ')],
    ['method', code(method)],
    ['reads', code(reads)],
    ['unit', unit],
    ['needs', needs],
    ['source', source],
  ],
)}
`,
  )
  .join('\n')}
## NVIDIA GPUs

One session with the driver’s library is held open, in a thread of its own; nothing creates a context or raises a GPU’s power state. A library in another place than usual is named with \`--path.nvml\`; \`nvidia.enabled: false\` leaves the driver alone.

- **Energy.** The counter of Volta and newer GPUs. Without one (Pascal and older), or while it stands still for ten seconds although power is drawn, power is sampled ten times a second at random instants and integrated, \`method="integrated"\`: the mean of a second where the device keeps one (field 185), else the power of the instant (field 186, or \`nvmlDeviceGetPowerUsage\`).
- **Who used it.** By samples of multiprocessor utilisation, weighted by the time that each stands for. A sole holder has all of it. Several without samples have equal parts, and those are \`method="estimated"\`. With MIG, by the activity of each instance times its slices (GPU performance monitoring, Hopper and newer); before Hopper by the slices that are held, and for several processes in one instance by equal parts, both \`estimated\`. An instance never has energy of its own: it has a part of its board’s.
- **Who holds it,** and carries its idle energy: processes with a compute context, in equal parts; with MIG by slices, and a slice that nobody holds stays unattributed. Processes that only draw hold nothing, nor do \`nvidia-smi\`, \`nv-hostengine\`, \`dcgm-exporter\`, \`nvtop\`, NVIDIA’s persistence daemon and the server of the Multi-Process Service.
- **Idle power** is a tenth of the power limit until it is observed or configured: \`baselines\`, with the GPU’s UUID as domain.
- **Whose is a pid?** Drivers name processes by the host’s pids. In a container without the host’s PID namespace the energy is \`reason="unresolved_pid"\`.
- **Trouble.** A GPU that is lost does not blind the others and is looked for again after 10 s, then ever more rarely, up to five minutes. A driver that does not answer within a second stops no tick; what is spent meanwhile is booked once it answers. When the driver was replaced underneath, the exporter ends with exit code 1, because only a new process can talk to the new one: let a supervisor start it again. A machine without the library is asked again every five minutes.

What WSL and virtual GPUs do not show is absent, never 0: their power, or who uses them.

## The power model

It keeps silent where a sensor measures the same component. Its defaults are averages over the processors of a large cloud provider, made from SPECpower_ssj2008 results: ${CPU_IDLE_WATTS} W per logical CPU when idle, ${CPU_MAX_WATTS} W when busy, and ${MEMORY_WATTS_PER_GB} W per GB of memory, by Cloud Carbon Footprint (MIN_WATTS_AVG, MAX_WATTS_AVG and MEMORY_COEFFICIENT of its AWS constants). Expect errors of tens of percent. If you know what the machine draws when idle and when busy, for example from a wall meter, say so:

\`\`\`yaml
power_model:
  cpu_idle_watts: 18
  cpu_max_watts: 95
  memory_watts: 6
\`\`\`
${ending('exporter/src/sensors')}`

const configuration = `# Configuration

None is needed. Settings of the books are in one YAML file, \`--config.file\`; what is not known or out of range is refused with its line. SIGHUP reads the file again; a bad one changes nothing and says so in the log and as \`wattribute_config_last_reload_successful\`. \`wattribute check-config --config.file=FILE\` only looks.

${table(
  ['key', 'value', 'default', 'meaning'],
  describeConfig().map(({ key, type, default: otherwise, description }) => [
    code(key),
    type,
    otherwise === 'required' ? otherwise : code(otherwise),
    description,
  ]),
)}

All of it, once (\`docs/example.yaml\`):

\`\`\`yaml
${readFileSync(new URL('../docs/example.yaml', import.meta.url), 'utf8').trimEnd()}
\`\`\`

## Flags

Each also as an environment variable; a flag wins.

${table(
  ['flag', 'environment', 'default', 'meaning'],
  flagRows.map(({ name, value, default: otherwise, sentence, only }) => [
    code(`--${name}=${value}`),
    code(environmentName(name)),
    code(otherwise),
    only === undefined ? sentence : `Of \`${only}\` alone. ${sentence}`,
  ]),
)}

Switches take no value and have no environment variable: ${switchRows.map(({ name, sentence, only }) => `\`--${name}\`${only === undefined ? '' : ` (of \`${only}\`)`}: ${sentence}`).join(' ')}
${ending('exporter/src/config and docs/example.yaml')}`

for (const [name, text] of Object.entries({ metrics, sensors, configuration })) {
  writeFileSync(new URL(`../docs/${name}.md`, import.meta.url), text)
}

const origin = 'From exporter/src/rules by `npm run docs`.'
writeFileSync(
  new URL('../deploy/prometheus/range-queries.yaml', import.meta.url),
  queryText(rangeQueries, origin),
)
for (const { path, groups } of ruleFiles) {
  writeFileSync(new URL(`../deploy/prometheus/${path}`, import.meta.url), ruleText(groups, origin))
}
