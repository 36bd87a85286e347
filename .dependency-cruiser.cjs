/** Who may import whom: docs/design.md section 3. One direction of flow; the pure rooms touch nothing of the machine. */
const room = (name) => `^exporter/src/${name}/`
const file = (...names) => `^exporter/src/(${names.join('|')})\\.ts$`

/** The nouns and units, which every room may use. */
const NOUNS = '^exporter/src/(model|units)\\.ts$'

/** What a room may import, besides itself and the nouns. */
const only = (name, comment, ...allowed) => ({
  name: `${name}-imports-only`,
  comment,
  severity: 'error',
  from: { path: room(name) },
  to: { pathNot: [room(name), NOUNS, ...allowed] },
})

const onlyFrom = (dependency, ...importers) => ({
  name: `${dependency}-only-where-it-belongs`,
  comment: `${dependency} is known in one place`,
  severity: 'error',
  from: { path: '^exporter/src/', pathNot: importers },
  to: { path: `^node_modules/(@types/)?${dependency}(/|$)` },
})

const COMPOSITION = file(
  'main',
  'cli',
  'engine',
  'engine-thread',
  'engine-messages',
  'engine-notices',
  'engine-settings',
  'supervisor',
  'books',
  'history-store',
  'report-command',
  'demo-command',
  'doctor-command',
  'nvml-door',
  'rules-command',
  'proxy-command',
  'prometheus-client',
)

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nothing-unused',
      severity: 'error',
      from: { orphan: true, pathNot: file('cli', 'engine-thread', 'nvml/thread', 'devices/net-snmp.d') },
      to: {},
    },
    {
      name: 'units-import-nothing',
      severity: 'error',
      from: { path: file('units') },
      to: { path: '.' },
    },
    {
      name: 'model-imports-units-only',
      severity: 'error',
      from: { path: file('model') },
      to: { pathNot: file('units') },
    },
    only('ledger', 'pure: no I/O, no clock, no logger, no package'),
    only('workloads', 'pure: no I/O, no clock, no logger, no package'),
    only(
      'sensors',
      'joules in; they know the machine, not the books',
      file('world', 'cpu-times', 'nvml'),
      room('devices'),
    ),
    only(
      'devices',
      'protocols of devices beside the kernel: one question, one answer; no periods, no energy, no books',
      '^exporter/src/workloads/sample-parser\\.ts$',
      '^node_modules/net-snmp/',
      '^(node:)?(child_process|crypto|dgram|fs/promises|http|https|net|timers|tls)$',
    ),
    only(
      'activity',
      'who was busy; it knows the machine, not the books',
      file('world', 'cpu-times', 'process-stat', 'nvml'),
    ),
    only(
      'nvml',
      "the driver's library behind its door; it knows neither energy nor books",
      file('world', 'nvml'),
      '^node_modules/koffi/',
      '^(node:)?worker_threads$',
    ),
    only(
      'names',
      'what the daemons of this machine call its containers, and its processes themselves; it knows no books',
      file('world', 'process-stat'),
      '^(node:)?(fs/promises|http|http2|https|net)$',
    ),
    only(
      'intake',
      'what senders say of themselves: it takes it in, checks who they are, and knows no books',
      file('world'),
      '^exporter/src/workloads/(marks|mark-grammar|mark-clock|phase-names)\\.ts$',
      '^node_modules/zod/',
      '^(node:)?(crypto|fs|net|path|timers/promises)$',
    ),
    only(
      'queries',
      'what inference servers say they have answered; it asks them, and knows no books',
      room('workloads'),
      file('world'),
      '^(node:)?(fs/promises|http|https|net|stream|zlib)$',
    ),
    only(
      'config',
      'settings, before anything runs',
      '^exporter/src/ledger/idle-policy\\.ts$',
      '^exporter/src/workloads/(calendar|server-presets)\\.ts$',
      '^exporter/src/report/options\\.ts$',
      '^exporter/src/devices/(choices|quantity|registers|snmp-presets)\\.ts$',
      file('log'),
      '^node_modules/(yaml|zod)/',
      '^(node:)?(buffer|fs|util)$',
    ),
    only(
      'demo',
      'a simulated machine in place of the doors to a real one',
      file('world', 'nvml'),
      '^exporter/src/workloads/(marks|request-events)\\.ts$',
      '^exporter/src/rules/rule\\.ts$',
      '^(node:)?(http|net|timers/promises)$',
    ),
    only('doctor', 'pure: from what was seen of a machine to what to do about it'),
    only('report', 'who used how much: pure, from figures to text', room('workloads')),
    only(
      'exposition',
      'pages out; it sees the books, never a sensor',
      room('ledger'),
      room('workloads'),
      '^exporter/src/config/strict-yaml\\.ts$',
      file('log'),
      '^node_modules/(@types/)?(bcryptjs|express|prom-client|zod)/',
      '^(node:)?(crypto|fs|http|https|path|tls|util|zlib)$',
    ),
    only(
      'rules',
      'pure: rules of Prometheus as data, and their text; no I/O, no clock, no logger',
      '^exporter/src/workloads/(calendar|budget-period)\\.ts$',
      '^node_modules/yaml/',
    ),
    only(
      'storage',
      'files that survive; it knows nothing of what they hold',
      '^(node:)?(fs|fs/promises|path|zlib)$',
    ),
    only(
      'proxy',
      'requests pass and are counted; it knows no energy, no books, and asks nobody but its target',
      '^exporter/src/workloads/request-events\\.ts$',
      '^(node:)?(http|https|net|stream|zlib)$',
    ),
    {
      name: 'nobody-imports-the-composition',
      severity: 'error',
      from: { path: '^exporter/src/', pathNot: COMPOSITION },
      to: { path: COMPOSITION },
    },
    {
      name: 'doors-know-no-room',
      comment: 'only the composition root puts rooms together',
      severity: 'error',
      from: { path: '^exporter/src/[^/]+$', pathNot: COMPOSITION },
      to: { path: '^exporter/src/[^/]+/' },
    },
    onlyFrom('koffi', file('libc', 'nvml/library')),
    onlyFrom('net-snmp', '^exporter/src/devices/snmp\\.ts$'),
    onlyFrom('express', room('exposition')),
    onlyFrom('prom-client', room('exposition')),
    onlyFrom('pino', file('log')),
    onlyFrom('bcryptjs', room('exposition')),
    onlyFrom('yaml', room('config'), '^exporter/src/rules/rule-text\\.ts$'),
    onlyFrom('zod', room('config'), room('exposition'), room('intake')),
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^exporter/src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        pathNot: '^node_modules/@types/',
      },
    },
    {
      name: 'every-package-is-declared',
      severity: 'error',
      from: { path: '^exporter/src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'undetermined'] },
    },
    { name: 'nothing-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'exporter/tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
}
