/**
 * A second machine in a cluster of its own, of which nothing can be measured: its accelerators cannot be read, and it
 * has a server of two models. What rules and dashboards say of it must be nothing, or what is missing.
 */

export const BARE_CLUSTER = 'bare-cluster'

const NODE = `cluster="${BARE_CLUSTER}",job="wattribute",instance="bare-node:10451"`
const WORKLOAD = 'workload="adapters",namespace="shared"'
const COUNTED = `${WORKLOAD},variant="",server="vllm",source="server",method="counter"`

const STATES = { accelerator: 'unreadable', cpu: 'absent', memory: 'absent', board: 'absent' }

/** Queries a second of each model, and output tokens of a query. */
const MODELS = { base: { queries: 2, tokens: 300 }, adapter: { queries: 1, tokens: 100 } }

/**
 * Its samples, without their time.
 * @param age seconds since it was started
 */
export const bareNodeAt = (age: number): readonly string[] => [
  `wattribute_build_info{${NODE},version="0.1.0",node_version="24.1.0"} 1`,
  `wattribute_node_info{${NODE},version="0.1.0"} 1`,
  `wattribute_workload_info{${NODE},${WORKLOAD},kind="inference",manager="kubernetes"} 1`,
  ...Object.entries(STATES).flatMap(([component, is]) =>
    ['measured', 'estimated', 'absent', 'unreadable'].map(
      (state) =>
        `wattribute_component_state{${NODE},component="${component}",state="${state}"} ${state === is ? 1 : 0}`,
    ),
  ),
  ...Object.entries(MODELS).flatMap(([model, { queries, tokens }]) => [
    `wattribute_workload_queries_total{${NODE},${COUNTED},model="${model}"} ${queries * age}`,
    `wattribute_workload_tokens_total{${NODE},${COUNTED},model="${model}",direction="output"} ${queries * tokens * age}`,
  ]),
]
