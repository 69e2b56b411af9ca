{{- define "reeve.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "reeve.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "reeve.labels" -}}
{{ include "reeve.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "reeve.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* What the servers speak, by the chart's own certificate or by settings. */ -}}
{{- define "reeve.scheme" -}}
{{- if or .Values.tls.existingSecret (index .Values.settings "tls-certificate") -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}

{{- /* Where probes ask: those of Kubernetes have no certificate to show, so where
       clients have to, they ask at the metrics' address, which is HTTP. */ -}}
{{- define "reeve.probe" -}}
{{- if and (index .Values.settings "tls-client-ca") (ne (index .Values.settings "tls-client-auth" | default "required") "optional") -}}
{{- if not .Values.metrics.enabled -}}
{{- fail "settings.tls-client-ca needs metrics.enabled, as probes have no certificate and ask there, or settings.tls-client-auth=optional" -}}
{{- end -}}
port: metrics
{{- else -}}
port: http
scheme: {{ include "reeve.scheme" . }}
{{- end -}}
{{- end -}}

{{- /* A variable of the environment whose value is in a secret. */ -}}
{{- define "reeve.secret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}
