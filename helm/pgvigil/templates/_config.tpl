{{- /* The configuration file: the values' sections as they are, and where the journal, the mounted query files and web configuration lie. */}}
{{- define "pgvigil.config" -}}
{{- $config := dict "listen" ":9187" }}
{{- if .Values.journal.enabled }}{{ $_ := set $config "journal" "/var/lib/pgvigil/journal" }}{{ end }}
{{- if include "pgvigil.webConfigPath" . }}
{{- $_ := set $config "web" (dict "config_file" (include "pgvigil.webConfigPath" .)) }}
{{- end }}
{{- range $section := list "clusters" "objectives" "limits" "intervals" "log" }}
{{- with index $.Values $section }}{{ $_ := set $config $section . }}{{ end }}
{{- end }}
{{- $queries := list }}
{{- with .Values.queries.shipped }}
{{- if .enabled }}
{{- $entry := dict "files" "/usr/share/pgvigil/queries/*.yaml" }}
{{- with .enable }}{{ $_ := set $entry "enable" . }}{{ end }}
{{- $queries = append $queries $entry }}
{{- end }}
{{- end }}
{{- range .Values.queries.custom }}
{{- $entry := dict "files" (printf "/etc/pgvigil/queries/%s/*.yaml" .name) }}
{{- with .prefix }}{{ $_ := set $entry "prefix" . }}{{ end }}
{{- with .enable }}{{ $_ := set $entry "enable" . }}{{ end }}
{{- $queries = append $queries $entry }}
{{- end }}
{{- $_ := set $config "queries" $queries }}
{{- toYaml $config }}
{{- end }}

{{- define "pgvigil.webConfigPath" -}}
{{- if or .Values.web.config.secretName .Values.web.tls.secretName }}/etc/pgvigil/web/web.yaml{{ end }}
{{- end }}

{{- define "pgvigil.asksForClientCertificate" -}}
{{- with .Values.web }}
{{- if .config.secretName }}
{{- if .config.clientCertificates }}yes{{ end }}
{{- else if and .tls.secretName (or .tls.clientCa.configMapName .tls.clientCa.secretName) }}yes{{ end }}
{{- end }}
{{- end }}

{{- define "pgvigil.webConfig" -}}
tls_server_config:
  cert_file: /etc/pgvigil/web-tls/tls.crt
  key_file: /etc/pgvigil/web-tls/tls.key
  {{- if include "pgvigil.asksForClientCertificate" . }}
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: /etc/pgvigil/web-client-ca/ca.crt
  {{- end }}
{{- end }}

{{- /* HTTP or HTTPS: what the port speaks. */}}
{{- define "pgvigil.scheme" -}}
{{- if .Values.web.config.secretName }}{{ .Values.web.config.scheme }}{{ else if .Values.web.tls.secretName }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- define "pgvigil.queryText" -}}
{{- if kindIs "string" .content }}{{ .content }}{{ else }}{{ toYaml .content }}{{ end }}
{{- end }}

{{- /* Whether an archive is to be read, which may lie in an object store. */}}
{{- define "pgvigil.hasArchive" -}}
{{- range .Values.clusters }}{{ if .archive }}yes{{ end }}{{ end }}
{{- end }}
