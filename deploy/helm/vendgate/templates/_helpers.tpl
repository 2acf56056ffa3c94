{{- define "vendgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "vendgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "vendgate.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "vendgate.selector" -}}
app.kubernetes.io/name: {{ include "vendgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "vendgate.labels" -}}
{{ include "vendgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "vendgate.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "vendgate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "vendgate.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "vendgate.caddyfile" -}}
{{- if .Values.caddyfile -}}
{{ .Values.caddyfile }}
{{- else -}}
{
	metrics
	shutdown_delay {{ .Values.shutdownDelay }}
{{- with .Values.gracePeriod }}
	grace_period {{ . }}
{{- end }}
{{- if .Values.gateway.trustedProxies }}
	servers {
		trusted_proxies static {{ join " " .Values.gateway.trustedProxies }}
		trusted_proxies_strict
	}
{{- end }}
{{- with .Values.gateway.globalOptions }}
	{{ . | trim | replace "\n" "\n\t" }}
{{- end }}

	vendgate {
		data_dir /data/vendgate
{{- with .Values.gateway.publicURL }}
		public_url {{ . }}
{{- end }}
{{- if .Values.keyEncryptionKey.existingSecret }}
		store {
{{- if .Values.postgres.existingSecret }}
			postgres {file./run/secrets/shared/postgres}
{{- if .Values.postgres.listenURLKey }}
			listen_url {file./run/secrets/shared/postgres-listen}
{{- end }}
{{- end }}
			key_encryption_key {file./run/secrets/shared/kek}
			{{- if .Values.keyEncryptionKey.previous.existingSecret }} {file./run/secrets/shared/kek-previous}{{ end }}
		}
{{- end }}
{{- if .Values.redis.existingSecret }}
		limiter redis {
			url {file./run/secrets/shared/redis}
			on_failure {{ .Values.redis.onFailure }}
		}
{{- end }}
{{- with .Values.gateway.options }}
		{{ . | trim | replace "\n" "\n\t\t" }}
{{- end }}
	}
}

:8080 {
{{- if .Values.gateway.accessLog }}
	log
{{- end }}
	vendgate_proxy
{{- if or .Values.postgres.existingSecret .Values.persistence.enabled }}
	vendgate_connect
{{- end }}
	vendgate_not_found
}

# For probes and Prometheus; no Service of the internet leads here.
:9090 {
	vendgate_health
	metrics /metrics
	vendgate_not_found
}
{{- end -}}
{{- end -}}
