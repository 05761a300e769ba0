{{- /* What the schema cannot say. Each message names the value, what was expected and what to do; none repeats a value that may be secret. */}}
{{- define "pgvigil.validate" -}}
{{- if not .Values.clusters }}
{{- fail "clusters: nothing is listed, so there is nothing to watch; list at least one cluster with its instances (docs/install.md has an example)" }}
{{- end }}
{{- include "pgvigil.validateSecrets" . }}
{{- include "pgvigil.validateQueries" . }}
{{- include "pgvigil.validateWeb" . }}
{{- include "pgvigil.validateOpenPasswords" . }}
{{- include "pgvigil.validateMounts" . }}
{{- end }}

{{- define "pgvigil.validateSecrets" -}}
{{- $mounts := dict }}
{{- range $i, $secret := .Values.secrets }}
{{- if hasKey $mounts $secret.name }}{{ fail (printf "secrets[%d].name: %q is there twice; each entry is a folder of its own" $i $secret.name) }}{{ end }}
{{- $_ := set $mounts $secret.name true }}
{{- end }}
{{- end }}

{{- define "pgvigil.validateQueries" -}}
{{- $queries := dict }}
{{- range $i, $query := .Values.queries.custom }}
{{- if hasKey $queries $query.name }}{{ fail (printf "queries.custom[%d].name: %q is there twice; each entry is a folder of its own" $i $query.name) }}{{ end }}
{{- $_ := set $queries $query.name true }}
{{- end }}
{{- if not (or .Values.queries.shipped.enabled .Values.queries.custom) }}
{{- fail "queries: the shipped files are off and there are none of your own; list some under queries.custom" }}
{{- end }}
{{- end }}

{{- define "pgvigil.validateWeb" -}}
{{- if and .Values.web.config.secretName .Values.web.tls.secretName }}
{{- fail "web: config.secretName and tls.secretName exclude each other; put tls_server_config into the web.yaml of the former" }}
{{- end }}
{{- end }}

{{- /*
Whether a connection string, or an argument with one in it, holds a password or the pass phrase of a key: as key=value after
whatever space libpq takes, as user:password@ of a URI, as a URI's parameter, whose name may be escaped.
*/}}
{{- define "pgvigil.holdsPassword" -}}
{{- if regexMatch `(?is)password\s*=|://[^@]*:[^@]*@|://.*[?&][^=&]*%[^=&]*=` . }}yes{{ end }}
{{- end }}

{{- define "pgvigil.validateOpenPasswords" -}}
{{- $variables := dict "PGPASSWORD" true "DATA_SOURCE_PASS" true }}
{{- range $c, $cluster := .Values.clusters }}
{{- range $i, $instance := $cluster.instances }}
{{- with $instance.password_env }}{{ $_ := set $variables . true }}{{ end }}
{{- if include "pgvigil.holdsPassword" $instance.dsn }}
{{- fail (printf "clusters[%d].instances[%d].dsn holds a password, which would end in a ConfigMap; list a Secret under `secrets` and name its file in password_file" $c $i) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $i, $argument := .Values.extraArgs }}
{{- if include "pgvigil.holdsPassword" $argument }}
{{- fail (printf "extraArgs[%d] holds a password, which would be seen in the Deployment and in the process list; list the server under `clusters`, with a password_file" $i) }}
{{- end }}
{{- end }}
{{- range $i, $variable := .Values.extraEnv }}
{{- if and $variable.value (or (hasKey $variables $variable.name) (include "pgvigil.holdsPassword" (toString $variable.value))) }}
{{- fail (printf "extraEnv[%d]: the value of %s holds a password, which would be seen in the Deployment; take it from a Secret (valueFrom.secretKeyRef)" $i $variable.name) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Every file of a mounted Secret that an instance names lies in a folder that `secrets` mounts. */}}
{{- define "pgvigil.validateMounts" -}}
{{- $mounts := dict }}
{{- range .Values.secrets }}{{ $_ := set $mounts .name true }}{{ end }}
{{- range $c, $cluster := .Values.clusters }}
{{- range $i, $instance := $cluster.instances }}
{{- $where := printf "clusters[%d].instances[%d]" $c $i }}
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
