{{- define "pgvigil.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* 50 characters leave room for the names of areas and dashboards behind it. */}}
{{- define "pgvigil.fullname" -}}
{{- $name := include "pgvigil.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "pgvigil.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "pgvigil.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "pgvigil.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* What never changes over the life of a release: a Deployment's selector cannot be changed. */}}
{{- define "pgvigil.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pgvigil.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pgvigil.labels" -}}
{{ with .Values.commonLabels }}{{ toYaml . }}
{{ end -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: pgvigil
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "pgvigil.selectorLabels" . }}
{{- end }}

{{- /*
The metadata of an object. Takes a dict: root, and optionally suffix (of the name), namespace, component, labels,
annotations. The chart's own labels win, so that no value can break a selector.
*/}}
{{- define "pgvigil.metadata" -}}
{{- $root := .root }}
{{- $labels := include "pgvigil.labels" $root | fromYaml }}
{{- with .component }}{{ $labels = merge $labels (dict "app.kubernetes.io/component" .) }}{{ end }}
{{- $labels = merge $labels (default dict .labels) }}
{{- $annotations := merge dict (default dict .annotations) $root.Values.commonAnnotations -}}
name: {{ include "pgvigil.fullname" $root }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ default (include "pgvigil.namespace" $root) .namespace }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "pgvigil.image" -}}
{{- with .Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}
