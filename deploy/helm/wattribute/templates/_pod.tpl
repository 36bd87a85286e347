{{/* What pods of both kinds have in common. These take the root and the values of the kind: [root, kind]. */}}

{{- define "wattribute.podMetadata" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $component := index . 2 -}}
labels:
  {{- include "wattribute.labels" (list $root $component) | nindent 2 }}
  {{- with $kind.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  {{- if not $kind.configSecret }}
  # Another configuration rolls the pods.
  checksum/config: {{ toYaml $kind.config | sha256sum }}
  {{- end }}
  kubectl.kubernetes.io/default-container: wattribute
  {{- with $kind.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "wattribute.image.fields" -}}
image: {{ include "wattribute.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{- define "wattribute.commonEnv" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 -}}
- name: WATTRIBUTE_CONFIG_FILE
  value: /etc/wattribute/config.yaml
- name: WATTRIBUTE_STORAGE_PATH
  value: /var/lib/wattribute
- name: WATTRIBUTE_LOG_LEVEL
  value: {{ $kind.logLevel }}
- name: WATTRIBUTE_LOG_FORMAT
  value: {{ $kind.logFormat }}
{{- if $root.Values.web.configSecret }}
- name: WATTRIBUTE_WEB_CONFIG_FILE
  value: /etc/wattribute/web/web.yaml
{{- end }}
{{- end -}}

{{/* `/healthz` answers once there are figures, and no longer when they are old. */}}
{{- define "wattribute.probes" -}}
startupProbe:
  {{- include "wattribute.probe" (list . "/healthz") | nindent 2 }}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  {{- include "wattribute.probe" (list . "/healthz") | nindent 2 }}
  periodSeconds: 15
  timeoutSeconds: 5
  # The exporter starts a hanging engine anew by itself; this is for when that does not help.
  failureThreshold: 6
readinessProbe:
  {{- include "wattribute.probe" (list . "/readyz") | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end -}}

{{- define "wattribute.probe" -}}
{{- if (index . 0).Values.web.configSecret -}}
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: metrics
{{- end }}
{{- end -}}

{{- define "wattribute.configMounts" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 -}}
- name: config
  mountPath: /etc/wattribute/config.yaml
  subPath: config.yaml
  readOnly: true
{{- if $root.Values.web.configSecret }}
- name: web
  mountPath: /etc/wattribute/web
  readOnly: true
{{- end }}
{{- range $kind.secrets }}
- name: secret-{{ replace "." "-" . }}
  mountPath: /etc/wattribute/secrets/{{ . }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "wattribute.configVolumes" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $name := index . 2 -}}
- name: config
  {{- if $kind.configSecret }}
  secret:
    secretName: {{ $kind.configSecret }}
    defaultMode: 288 # 0440
  {{- else }}
  configMap:
    name: {{ $name }}
  {{- end }}
{{- with $root.Values.web.configSecret }}
- name: web
  secret:
    secretName: {{ . }}
    defaultMode: 288 # 0440
{{- end }}
{{- range $kind.secrets }}
- name: secret-{{ replace "." "-" . }}
  secret:
    secretName: {{ . }}
    defaultMode: 288 # 0440
{{- end }}
{{- end -}}
