// For those who deploy with Jsonnet: dashboards, rules and alerts as a monitoring mixin (https://monitoring.mixins.dev).
// Evaluated with go-jsonnet 0.22; the parseYaml of Jsonnet 0.18 cannot read the rules.
local groupsOf(files) = { groups: std.flattenArrays([std.parseYaml(file).groups for file in files]) };

{
  grafanaDashboards+:: {
    'wattribute-budgets.json': import '../../dashboards/budgets.json',
    'wattribute-energy-per-query.json': import '../../dashboards/energy-per-query.json',
    'wattribute-facility.json': import '../../dashboards/facility.json',
    'wattribute-node.json': import '../../dashboards/node.json',
    'wattribute-overview.json': import '../../dashboards/overview.json',
    'wattribute-training-runs.json': import '../../dashboards/training-runs.json',
  },

  prometheusRules+:: groupsOf([
    importstr 'rules/ai-share.yaml',
    importstr 'rules/energy.yaml',
    importstr 'rules/phases.yaml',
  ]),

  prometheusAlerts+:: groupsOf([
    importstr 'alerts/budgets.yaml',
    importstr 'alerts/demand.yaml',
    importstr 'alerts/energy.yaml',
    importstr 'alerts/exporter.yaml',
    importstr 'alerts/power.yaml',
  ]),
}
