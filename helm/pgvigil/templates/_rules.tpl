{{- /* One shipped alert as the values want it, or nothing when they switch it off. Takes a dict: rule, settings. */}}
{{- define "pgvigil.alert" -}}
{{- $rule := .rule }}
{{- $settings := .settings }}
{{- $shipped := $rule.labels.severity }}
{{- $override := merge dict (default dict (index $settings.alerts (printf "%s/%s" $rule.alert $shipped))) (default dict (index $settings.alerts $rule.alert)) }}
{{- if dig "enabled" true $override }}
{{- with $override.for }}{{ $_ := set $rule "for" . }}{{ end }}
{{- with $override.keepFiringFor }}{{ $_ := set $rule "keep_firing_for" . }}{{ end }}
{{- $labels := merge dict (default dict $override.labels) $settings.alertLabels $rule.labels }}
{{- with $override.severity }}{{ $_ := set $labels "severity" . }}{{ end }}
{{- $_ := set $rule "labels" $labels }}
{{- with $settings.runbookUrlBase }}
{{- $_ := set $rule.annotations "runbook_url" (printf "%s/%s" (trimSuffix "/" .) (base $rule.annotations.runbook_url)) }}
{{- end }}
{{- with $settings.dashboardUrlBase }}
{{- $_ := set $rule.annotations "dashboard_url" (printf "%s%s" (trimSuffix "/" .) $rule.annotations.dashboard_url) }}
{{- end }}
{{- $_ := set $rule "annotations" (merge dict (default dict $override.annotations) $rule.annotations) }}
{{- toYaml $rule }}
{{- end }}
{{- end }}

{{- /* The groups of one rule file as the values want them. Takes a dict: path, root, settings. */}}
{{- define "pgvigil.groups" -}}
{{- $settings := .settings }}
{{- $groups := list }}
{{- range $group := (.root.Files.Get .path | fromYaml).groups }}
{{- $rules := list }}
{{- range $rule := $group.rules }}
{{- if $rule.alert }}
{{- with include "pgvigil.alert" (dict "rule" $rule "settings" $settings) | fromYaml }}{{ $rules = append $rules . }}{{ end }}
{{- else }}
{{- $rules = append $rules $rule }}
{{- end }}
{{- end }}
{{- with $rules }}{{ $groups = append $groups (set $group "rules" .) }}{{ end }}
{{- end }}
{{- toYaml (dict "groups" $groups) }}
{{- end }}

{{- /* A name that no shipped file has would be an override that is never seen to do nothing. */}}
{{- define "pgvigil.validateRules" -}}
{{- $areas := dict }}
{{- $alerts := dict }}
{{- range $path, $_ := .Files.Glob "files/rules/*.yaml" }}
{{- $_ := set $areas (base $path | trimSuffix ".yaml") true }}
{{- range ($.Files.Get $path | fromYaml).groups }}
{{- range .rules }}
{{- if .alert }}
{{- $_ := set $alerts .alert true }}
{{- $_ := set $alerts (printf "%s/%s" .alert .labels.severity) true }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.prometheusRule.areas }}
{{- if not (hasKey $areas $name) }}{{ fail (printf "prometheusRule.areas.%s: no shipped rule file has this name; there are %s" $name (keys $areas | sortAlpha | join ", ")) }}{{ end }}
{{- end }}
{{- range $name, $_ := .Values.prometheusRule.alerts }}
{{- if not (hasKey $alerts $name) }}{{ fail (printf "prometheusRule.alerts: no shipped alert is called %q; there are %s" $name (keys $alerts | sortAlpha | join ", ")) }}{{ end }}
{{- end }}
{{- end }}
