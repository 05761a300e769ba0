{{- /* What the schema cannot say. Each message names the value, what was expected and what to do; none repeats a value that may be secret. */}}
{{- define "pgvigil.validate" -}}
{{- if not .Values.clusters }}
{{- fail "clusters: nothing is listed, so there is nothing to watch; list at least one cluster with its instances (docs/install.md has an example)" }}
{{- end }}
{{- include "pgvigil.validateSecrets" . }}
{{- include "pgvigil.validateQueries" . }}
{{- include "pgvigil.validateWeb" . }}
{{- include "pgvigil.validateOpenPasswords" . }}
{{- include "pgvigil.validateClusters" . }}
{{- include "pgvigil.validateLimits" . }}
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
{{- if and .Values.web.config.secretName (not .Values.web.config.scheme) }}
{{- fail "web.config.scheme: say what your web.yaml makes of the port, HTTPS with a tls_server_config in it, otherwise HTTP; probes and the ServiceMonitor go by it" }}
{{- end }}
{{- if and .Values.web.config.clientCertificates (ne .Values.web.config.scheme "HTTPS") }}
{{- fail "web.config.clientCertificates: certificates are asked for over TLS alone; the scheme beside it would be HTTPS" }}
{{- end }}
{{- with .Values.web.tls.clientCa }}
{{- if and .configMapName .secretName }}
{{- fail "web.tls.clientCa: both configMapName and secretName are given; keep the one that holds ca.crt" }}
{{- end }}
{{- if and (or .configMapName .secretName) (not $.Values.web.tls.secretName) }}
{{- fail "web.tls.clientCa asks scrapers for a certificate, which takes TLS: name the server's certificate in web.tls.secretName; beside a web.config, its web.yaml names the client_ca_file" }}
{{- end }}
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

{{- /* The exporter refuses these at start, too, and would be restarted for ever. */}}
{{- define "pgvigil.validateClusters" -}}
{{- $clusters := dict }}
{{- range $c, $cluster := .Values.clusters }}
{{- $where := printf "clusters[%d]" $c }}
{{- $full := printf "%s/%s" (default "" $cluster.namespace) $cluster.name }}
{{- if not $cluster.name }}{{ fail (printf "%s.name is empty; it becomes the label pg_cluster" $where) }}{{ end }}
{{- if hasKey $clusters $full }}{{ fail (printf "%s: another cluster has the same name and namespace" $where) }}{{ end }}
{{- $_ := set $clusters $full true }}
{{- if not $cluster.instances }}{{ fail (printf "%s.instances: expected at least one instance" $where) }}{{ end }}
{{- $instances := dict }}
{{- range $i, $instance := $cluster.instances }}
{{- $place := printf "%s.instances[%d]" $where $i }}
{{- if not $instance.name }}{{ fail (printf "%s.name is empty; it becomes the label pg_instance" $place) }}{{ end }}
{{- if hasKey $instances $instance.name }}{{ fail (printf "%s: another instance of this cluster has the same name" $place) }}{{ end }}
{{- $_ := set $instances $instance.name true }}
{{- include "pgvigil.validateDsn" (dict "where" $place "dsn" $instance.dsn) }}
{{- include "pgvigil.validateMountedSecrets" (dict "root" $ "where" $place "text" (printf "%s %s" $instance.dsn (include "pgvigil.passwordPath" $instance))) }}
{{- include "pgvigil.validatePassword" (dict "root" $ "where" $place "instance" $instance) }}
{{- end }}
{{- range $a, $archive := $cluster.archive }}
{{- include "pgvigil.validateMountedSecrets" (dict "root" $ "where" (printf "%s.archive[%d]" $where $a) "text" (toJson $archive)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pgvigil.validateDsn" -}}
{{- if not (trim .dsn) }}{{ fail (printf "%s.dsn is empty; expected something like host=db1 user=pgvigil dbname=postgres" .where) }}{{ end }}
{{- $withoutUser := regexReplaceAll "://[^/?@]*@" .dsn "://" }}
{{- if regexMatch `(^|[\s?&'])host(addr)?\s*=\s*'?[^\s'&]*,|://[^/?]*,` $withoutUser }}
{{- fail (printf "%s.dsn: expected one host; list each server as an instance of its own" .where) }}
{{- end }}
{{- end }}

{{- /* Every file of a mounted Secret that an instance or archive names lies in a folder that `secrets` mounts. */}}
{{- define "pgvigil.validateMountedSecrets" -}}
{{- $mounts := dict }}
{{- range .root.Values.secrets }}{{ $_ := set $mounts .name true }}{{ end }}
{{- $where := .where }}
{{- $paths := regexFindAll `/etc/pgvigil/secrets/[^/ &'"%]+` .text -1 }}
{{- range $path := $paths }}
{{- $name := base $path }}
{{- if not (hasKey $mounts $name) }}
{{- fail (printf "%s names files under %s, but `secrets` has no entry %q; add one with its secretName or configMapName" $where $path $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where the exporter looks for the password: a relative path starts at its configuration. */}}
{{- define "pgvigil.passwordPath" -}}
{{- with .password_file }}{{ clean (ternary . (printf "/etc/pgvigil/%s" .) (isAbs .)) }}{{ end }}
{{- end }}

{{- define "pgvigil.validatePassword" -}}
{{- $where := .where }}
{{- $instance := .instance }}
{{- if and $instance.password_env $instance.password_file }}
{{- fail (printf "%s: password_env and password_file are both given; keep one of them" $where) }}
{{- end }}
{{- with $instance.password_env }}
{{- $set := dict }}
{{- range $.root.Values.extraEnv }}{{ $_ := set $set .name true }}{{ end }}
{{- if not (hasKey $set .) }}
{{- fail (printf "%s.password_env: nothing sets the variable %s; add it to extraEnv, from a Secret (valueFrom.secretKeyRef)" $where .) }}
{{- end }}
{{- end }}
{{- with include "pgvigil.passwordPath" $instance }}
{{- $path := . }}
{{- $mounted := dict }}
{{- range $.root.Values.secrets }}
{{- $folder := printf "/etc/pgvigil/secrets/%s/" .name }}
{{- if hasPrefix $folder $path }}
{{- $_ := set $mounted "yes" true }}
{{- $picked := dict }}
{{- range .items }}{{ $_ := set $picked .path true }}{{ end }}
{{- if and .items (not (hasKey $picked (trimPrefix $folder $path))) }}
{{- fail (printf "%s.password_file: %s is not among the items of the entry %q of `secrets`, which pick %s" $where $path .name (keys $picked | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $.root.Values.extraVolumeMounts }}
{{- if or (eq $path (clean .mountPath)) (hasPrefix (printf "%s/" (clean .mountPath | trimSuffix "/")) $path) }}{{ $_ := set $mounted "yes" true }}{{ end }}
{{- end }}
{{- if not $mounted }}
{{- fail (printf "%s.password_file: nothing is mounted at %s; list its Secret under `secrets` and name /etc/pgvigil/secrets/<name>/<key>, or mount it with extraVolumeMounts" $where $path) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A duration of the configuration, which has one number and one unit, in milliseconds. */}}
{{- define "pgvigil.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 }}
{{- mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .)) }}
{{- end }}

{{- define "pgvigil.validateLimits" -}}
{{- with .Values.limits.scrape_timeout }}
{{- if lt (include "pgvigil.milliseconds" . | int64) 1000 }}{{ fail "limits.scrape_timeout: expected at least 1s: half a second is kept as margin" }}{{ end }}
{{- end }}
{{- if lt (dig "connections_per_instance" 3 .Values.limits | int) 2 }}
{{- fail "limits.connections_per_instance: expected at least 2: one for the observer and one for queries" }}
{{- end }}
{{- range $key, $interval := .Values.intervals }}
{{- $milliseconds := include "pgvigil.milliseconds" $interval | int64 }}
{{- if or (lt $milliseconds 100) (gt $milliseconds 300000) }}{{ fail (printf "intervals.%s: expected an interval from 100ms to 5m" $key) }}{{ end }}
{{- end }}
{{- end }}
