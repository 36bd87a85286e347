/** The keys of the rules that say who is what. */
import { z } from 'zod'
import { WORKLOAD_KINDS, type WorkloadRule } from '../model.ts'

const LONGEST_PATTERN = 1024
const LONGEST_NAME = 128

const pattern = (): z.ZodString =>
  z.string().max(LONGEST_PATTERN, `must have at most ${LONGEST_PATTERN} characters`)
const patterns = () => z.record(z.string(), pattern())
const name = (): z.ZodString =>
  z
    .string()
    .min(1)
    .max(LONGEST_NAME, `must have at most ${LONGEST_NAME} characters`)
    .regex(/^[^\p{Cc}]*$/u, 'must be one line')

const match = z
  .strictObject({
    command: pattern()
      .optional()
      .describe(
        'Arguments of a process, with spaces between; the rule is also about all that such a process starts. `*` stands for any characters, here and below.',
      ),
    environment: patterns()
      .optional()
      .describe(
        'Variables that such a process was started with; each of them must fit. No other is looked at.',
      ),
    cgroup: pattern().optional().describe('Path of the cgroup, such as `/system.slice/llm-*.service`.'),
    unit: pattern().optional().describe('Unit of systemd, such as `vllm.service`.'),
    container: pattern().optional().describe('Name or id of the container, or of the guest.'),
    image: pattern().optional().describe("The container's image."),
    container_labels: patterns().optional().describe('Labels of the container; each of them must fit.'),
    pod: pattern().optional().describe('Name of the Kubernetes pod.'),
    pod_labels: patterns().optional().describe('Labels of the pod; each of them must fit.'),
    namespace: pattern().optional().describe("Kubernetes namespace or Slurm account; `''` for none."),
    slurm_job: pattern().optional().describe('Name or number of the Slurm job.'),
    user: pattern().optional().describe('Who runs it: the user of the session or of the Slurm job.'),
  })
  .refine((conditions) => Object.values(conditions).some((one) => one !== undefined), {
    error: 'needs a condition, such as `command`',
  })
  .describe('Whom the rule is about: every condition given must hold.')

const rule = z
  .strictObject({
    match,
    workload: name().optional().describe('Name of the workload. What is not given here is found otherwise.'),
    namespace: z
      .string()
      .max(LONGEST_NAME, `must have at most ${LONGEST_NAME} characters`)
      .optional()
      .describe('Its namespace.'),
    kind: z
      .enum(WORKLOAD_KINDS)
      .optional()
      .describe(
        'What it is. `training`, `inference` and `interactive` are AI, `other` and `system` are not; `unknown` may be either.',
      ),
    model: name()
      .optional()
      .describe(
        'The model: an id of Hugging Face, a file, a tag of Ollama. A precision in it becomes the variant.',
      ),
    variant: name().optional().describe("Precision of the model's weights, such as `fp8` or `q4_k_m`."),
  })
  .refine(
    ({ workload, namespace, kind, model, variant }) =>
      [workload, namespace, kind, model, variant].some((one) => one !== undefined),
    {
      error: 'says nothing: give `workload`, `namespace`, `kind`, `model` or `variant`',
    },
  )

export const workloads = z
  .array(rule)
  .max(1000, 'must have at most 1000 rules')
  .default([])
  .describe(
    'Who is what. The first rule that fits counts, before labels of containers and pods and before what is recognised.',
  )

/** @param line where it stands */
export function workloadRuleOf(
  { match: conditions, ...says }: z.output<typeof rule>,
  line: number,
): WorkloadRule {
  const {
    container_labels: containerLabels,
    pod_labels: podLabels,
    slurm_job: slurmJob,
    ...others
  } = conditions
  return { line, match: given({ ...others, containerLabels, podLabels, slurmJob }), says: given(says) }
}

type Given<Values> = { [Key in keyof Values]?: Exclude<Values[Key], undefined> }

const given = <Values extends object>(values: Values): Given<Values> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<Values>
