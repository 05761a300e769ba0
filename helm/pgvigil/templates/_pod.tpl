{{- /* What the exporter and `helm test` read: the same files at the same places. */}}
{{- define "pgvigil.volumes" -}}
- name: config
  configMap:
    name: {{ include "pgvigil.fullname" . }}-config
    items: [{key: pgvigil.yaml, path: pgvigil.yaml}]
{{- range .Values.queries.custom }}
- name: queries-{{ .name }}
  configMap:
    name: {{ default (printf "%s-queries-%s" (include "pgvigil.fullname" $) .name) .configMapName }}
{{- end }}
{{- range .Values.secrets }}
- name: secret-{{ .name }}
  {{- if .secretName }}
  secret:
    secretName: {{ .secretName }}
    defaultMode: 0440 # libpq takes no key that others may read
  {{- else }}
  configMap:
    name: {{ .configMapName }}
  {{- end }}
    {{- with .items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- if .Values.web.config.secretName }}
- name: web
  secret: {secretName: {{ .Values.web.config.secretName }}, defaultMode: 0440}
{{- else if .Values.web.tls.secretName }}
- name: web
  configMap:
    name: {{ include "pgvigil.fullname" . }}-config
    items: [{key: web.yaml, path: web.yaml}]
- name: web-tls
  secret: {secretName: {{ .Values.web.tls.secretName }}, defaultMode: 0440}
{{- if include "pgvigil.asksForClientCertificate" . }}
- name: web-client-ca
  {{- with .Values.web.tls.clientCa }}
  {{- if .secretName }}
  secret: {secretName: {{ .secretName }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
  {{- else }}
  configMap: {name: {{ .configMapName }}, items: [{key: ca.crt, path: ca.crt}]}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pgvigil.volumeMounts" -}}
- {name: config, mountPath: /etc/pgvigil/pgvigil.yaml, subPath: pgvigil.yaml, readOnly: true}
{{- range .Values.queries.custom }}
- {name: queries-{{ .name }}, mountPath: /etc/pgvigil/queries/{{ .name }}, readOnly: true}
{{- end }}
{{- range .Values.secrets }}
- {name: secret-{{ .name }}, mountPath: /etc/pgvigil/secrets/{{ .name }}, readOnly: true}
{{- end }}
{{- if include "pgvigil.webConfigPath" . }}
- {name: web, mountPath: /etc/pgvigil/web, readOnly: true}
{{- if not .Values.web.config.secretName }}
- {name: web-tls, mountPath: /etc/pgvigil/web-tls, readOnly: true}
{{- if include "pgvigil.asksForClientCertificate" . }}
- {name: web-client-ca, mountPath: /etc/pgvigil/web-client-ca, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /*
The kubelet has no client certificate: where one is asked for, the port is only opened. Neither path ever touches
PostgreSQL: an exporter that says that a database is down must not be restarted for it.
*/}}
{{- define "pgvigil.probe" -}}
{{- if include "pgvigil.asksForClientCertificate" .root -}}
tcpSocket: {port: http}
{{- else -}}
httpGet: {path: {{ .path }}, port: http, scheme: {{ include "pgvigil.scheme" .root }}}
{{- end }}
{{- end }}
