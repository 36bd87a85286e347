{{/* The exporter of a node, with NVIDIA's runtime or without. Takes the root, a suffix of the name, whether with. */}}
{{- define "wattribute.nodeDaemonSet" -}}
{{- $root := index . 0 }}
{{- $name := printf "%s%s" (include "wattribute.fullname" $root) (index . 1) }}
{{- $component := printf "node%s" (index . 1) }}
{{- $hasNvidia := index . 2 }}
{{- $node := $root.Values.node }}
{{- $nvidia := $root.Values.nvidia -}}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "wattribute.labels" (list $root $component) | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "wattribute.selectorLabels" (list $root $component) | nindent 6 }}
  updateStrategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: {{ $node.maxUnavailable }}
      # The books of a node have one exporter.
      maxSurge: 0
  template:
    metadata:
      {{- include "wattribute.podMetadata" (list $root $node $component) | nindent 6 }}
    spec:
      {{- if and $hasNvidia $nvidia.runtimeClassName }}
      runtimeClassName: {{ $nvidia.runtimeClassName }}
      {{- end }}
      serviceAccountName: {{ include "wattribute.serviceAccountName" $root }}
      automountServiceAccountToken: {{ ne $node.kubelet.access "none" }}
      # A Service called `wattribute` would set variables that look like flags.
      enableServiceLinks: false
      # Drivers and the socket for marks name processes as the host numbers them.
      hostPID: true
      {{- if $node.hostNetwork }}
      hostNetwork: true
      dnsPolicy: ClusterFirstWithHostNet
      {{- end }}
      terminationGracePeriodSeconds: {{ $node.terminationGracePeriodSeconds }}
      {{- with $node.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      nodeSelector:
        kubernetes.io/os: linux
        {{- with $node.nodeSelector }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if $hasNvidia }}
        {{- with $nvidia.nodeSelector }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- end }}
      {{- if and $nvidia.enabled (not $hasNvidia) }}
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            # One of these is enough: nodes that the other DaemonSet does not choose.
            nodeSelectorTerms:
              {{- range $key, $value := $nvidia.nodeSelector }}
              - matchExpressions:
                  - key: {{ $key }}
                    operator: NotIn
                    values: [{{ $value | quote }}]
              {{- end }}
      {{- else if $node.affinity }}
      affinity:
        {{- toYaml $node.affinity | nindent 8 }}
      {{- end }}
      {{- with $node.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: wattribute
          {{- include "wattribute.image.fields" $root | nindent 10 }}
          {{- with $node.extraArgs }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          # Flags as variables, so that `wattribute doctor` and `wattribute report` in this container know them, too.
          env:
            - name: NODE_IP
              valueFrom:
                fieldRef:
                  fieldPath: status.hostIP
            - name: WATTRIBUTE_WEB_LISTEN_ADDRESS
              value: {{ printf "%s:%v" $node.listenHost $root.Values.port | quote }}
            {{- include "wattribute.commonEnv" (list $root $node) | nindent 12 }}
            - name: WATTRIBUTE_PATH_ROOTFS
              value: /host
            - name: WATTRIBUTE_PATH_SYSFS
              value: /host/sys
            - name: WATTRIBUTE_MARKS_SOCKET
              value: /run/wattribute/marks.sock
            {{- if $hasNvidia }}
            # All GPUs are seen and none is requested; NVML is all that is needed of the driver.
            - name: NVIDIA_VISIBLE_DEVICES
              value: all
            - name: NVIDIA_DRIVER_CAPABILITIES
              value: utility
            {{- end }}
            {{- with $node.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            - name: metrics
              containerPort: {{ $root.Values.port }}
          {{- include "wattribute.probes" $root | nindent 10 }}
          resources:
            {{- toYaml $node.resources | nindent 12 }}
          securityContext:
            # Root without privileges: energy counters are its own, so are the sockets of container runtimes.
            runAsUser: 0
            runAsGroup: 0
            privileged: false
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
              {{- with $node.capabilities }}
              add: {{ toJson . }}
              {{- end }}
            seccompProfile:
              type: RuntimeDefault
            {{- with $node.appArmorProfile }}
            appArmorProfile:
              {{- toYaml . | nindent 14 }}
            {{- end }}
            {{- with $node.seLinuxOptions }}
            seLinuxOptions:
              {{- toYaml . | nindent 14 }}
            {{- end }}
          volumeMounts:
            {{- include "wattribute.configMounts" (list $root $node) | nindent 12 }}
            - name: state
              mountPath: /var/lib/wattribute
            - name: marks
              mountPath: /run/wattribute
            {{- range $index, $folder := $node.hostFolders }}
            - name: host-{{ $index }}
              mountPath: {{ printf "/host%s" $folder | trimSuffix "/" }}
              readOnly: true
              # Without it, what the host unmounts would stay mounted here.
              mountPropagation: HostToContainer
            {{- end }}
            # Container runtimes mask energy counters below /sys, and show only the container's own groups there.
            - name: sys
              mountPath: /host/sys
              readOnly: true
              mountPropagation: HostToContainer
            {{- with $node.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        {{- include "wattribute.configVolumes" (list $root $node (include "wattribute.fullname" $root)) | nindent 8 }}
        - name: state
          hostPath:
            path: {{ $node.statePath }}
            type: DirectoryOrCreate
        - name: marks
          hostPath:
            path: {{ $node.marksPath }}
            type: DirectoryOrCreate
        {{- range $index, $folder := $node.hostFolders }}
        - name: host-{{ $index }}
          hostPath:
            path: {{ $folder }}
            type: Directory
        {{- end }}
        - name: sys
          hostPath:
            path: /sys
            type: Directory
        {{- with $node.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}
