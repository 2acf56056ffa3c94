{{/* What values that fit the schema each for itself must not say together. */}}
{{- define "vendgate.check" -}}
{{- $postgres := .Values.postgres.existingSecret -}}
{{- $key := .Values.keyEncryptionKey.existingSecret -}}
{{- if and (gt (int .Values.replicaCount) 1) .Values.persistence.enabled (not $postgres) -}}
{{- fail "replicaCount is above 1, but the embedded store is one volume of one pod: set postgres.existingSecret, or replicaCount to 1, or persistence.enabled to false and a source that needs no store" -}}
{{- end -}}
{{- if and $postgres (not $key) -}}
{{- fail "postgres.existingSecret is set, but no key seals the keyset, which is in the database then: create one with `vendgate keyset kek create`, put it into a Secret, and name that in keyEncryptionKey.existingSecret" -}}
{{- end -}}
{{- if and $postgres .Values.persistence.existingClaim -}}
{{- fail "postgres.existingSecret and persistence.existingClaim are both set, but one of them is the store: leave persistence.existingClaim out once its store has been moved by `vendgate store migrate`" -}}
{{- end -}}
{{- if and .Values.postgres.listenURLKey (not $postgres) -}}
{{- fail "postgres.listenURLKey is set without postgres.existingSecret: name the Secret, or leave the key out" -}}
{{- end -}}
{{- if and $key (not $postgres) (not .Values.persistence.enabled) -}}
{{- fail "keyEncryptionKey.existingSecret is set, but there is no store whose keyset it would seal: set postgres.existingSecret or persistence.enabled, or leave the key out" -}}
{{- end -}}
{{- if and .Values.keyEncryptionKey.previous.existingSecret (not $key) -}}
{{- fail "keyEncryptionKey.previous is set without keyEncryptionKey.existingSecret: the key that seals is missing" -}}
{{- end -}}
{{- end -}}
