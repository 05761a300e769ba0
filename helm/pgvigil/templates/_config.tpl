{{- /* The configuration file: the values' sections as they are, and where the mounted query files and web configuration lie. */}}
{{- define "pgvigil.config" -}}
{{- $config := dict "listen" ":9187" }}
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
{{- if and .tls.secretName (or .tls.clientCa.configMapName .tls.clientCa.secretName) }}yes{{ end }}
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

{{- /* What the schema cannot say. Each message names the value, what was expected and what to do. */}}
{{- define "pgvigil.validate" -}}
{{- if not .Values.clusters }}
{{- fail "clusters: nothing is listed, so there is nothing to watch; list at least one cluster with its instances (docs/install.md has an example)" }}
{{- end }}
{{- $mounts := dict }}
{{- range $i, $secret := .Values.secrets }}
{{- if hasKey $mounts $secret.name }}{{ fail (printf "secrets[%d].name: %q is there twice; each entry is a folder of its own" $i $secret.name) }}{{ end }}
{{- $_ := set $mounts $secret.name true }}
{{- end }}
{{- $queries := dict }}
{{- range $i, $query := .Values.queries.custom }}
{{- if hasKey $queries $query.name }}{{ fail (printf "queries.custom[%d].name: %q is there twice; each entry is a folder of its own" $i $query.name) }}{{ end }}
{{- $_ := set $queries $query.name true }}
{{- end }}
{{- if not (or .Values.queries.shipped.enabled .Values.queries.custom) }}
{{- fail "queries: the shipped files are off and there are none of your own; list some under queries.custom" }}
{{- end }}
{{- if and .Values.web.config.secretName .Values.web.tls.secretName }}
{{- fail "web: config.secretName and tls.secretName exclude each other; put tls_server_config into the web.yaml of the former" }}
{{- end }}
{{- range $c, $cluster := .Values.clusters }}
{{- range $i, $instance := $cluster.instances }}
{{- $where := printf "clusters[%d].instances[%d]" $c $i }}
{{- if regexMatch "(^|[ ?&])password *=|://[^/@ ]*:[^/@ ]*@" $instance.dsn }}
{{- fail (printf "%s.dsn holds a password, which would end in a ConfigMap; list a Secret under `secrets` and name its file in password_file" $where) }}
{{- end }}
{{- $paths := regexFindAll "/etc/pgvigil/secrets/[^/ &'%]+" (printf "%s %s" $instance.dsn (default "" $instance.password_file)) -1 }}
{{- range $path := $paths }}
{{- $name := base $path }}
{{- if not (hasKey $mounts $name) }}
{{- fail (printf "%s names files under %s, but `secrets` has no entry %q; add one with its secretName or configMapName" $where $path $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
