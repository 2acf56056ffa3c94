package catalog

import "testing"

// aws and hmac give the app a sign that passes Check, changed by edit.
func aws(edit func(*App)) change {
	return func(a *App) {
		a.Placement = nil
		a.Fields = []Field{{Name: "access_key_id"}, {Name: "secret_access_key", Secret: true}, {Name: "region"}}
		a.Sign = &Sign{Scheme: "aws_sigv4", Service: "s3", Region: "{region}"}
		edit(a)
	}
}

func hmac(edit func(*App)) change {
	return func(a *App) {
		a.Sign = &Sign{Scheme: "hmac", Hash: "sha256", Key: "{api_key}", Message: "{timestamp}\n{method}{path}{body_sha256}",
			Header: "X-Sign", TimestampHeader: "X-Time"}
		edit(a)
	}
}

const needsHMAC = `app acme: sign: hmac needs hash, key, message and header: write them like sha256, {api_secret}, ` +
	`{timestamp}{method}{path}{body} and X-Signature`

var badSigns = map[string]refusal{
	"open brace in the key": {hmac(func(a *App) {
		a.Sign.Key = "{api_key"
	}), `app acme: sign.key: a { without }: write {name}, or {{ for a brace`},
	"open brace in the message": {hmac(func(a *App) {
		a.Sign.Message = "{body"
	}), `app acme: sign.message: a { without }: write {name}, or {{ for a brace`},
	"authorization by basic": {hmac(func(a *App) {
		a.Placement, a.Sign.Header = &Placement{Basic: &Basic{"a", "{api_key}"}}, "Authorization"
	}), `app acme: sign: the header Authorization is set already: name another one`},
	"scheme": {aws(func(a *App) {
		a.Sign.Scheme = "aws"
	}), `app acme: sign.scheme "aws" is unknown: write aws_sigv4 or hmac`},
	"negative bound": {aws(func(a *App) {
		a.Sign.MaxBody = -1
	}), `app acme: sign.max_body is negative: write a number of bytes, or leave it out for 1 MiB`},
	"aws without region": {aws(func(a *App) {
		a.Sign.Region = ""
	}), `app acme: sign: aws_sigv4 needs service and region: write them like s3 and {region}`},
	"aws with properties of hmac": {aws(func(a *App) {
		a.Sign.Key = "{region}"
	}), `app acme: sign: aws_sigv4 takes service, region and max_body only: take the properties of hmac out`},
	"aws with undeclared region": {aws(func(a *App) {
		a.Sign.Region = "{zone}"
	}),
		`app acme: sign.region: {zone} is not a declared field: add it to fields, or write {access_key_id} or ` +
			`{secret_access_key} or {region}`},
	"aws without secret": {aws(func(a *App) {
		a.Fields[1].Name = "secret"
	}), `app acme: sign: aws_sigv4 takes its keys from fields: declare secret_access_key`},
	"aws and authorization": {aws(headers("authorization", "{access_key_id}")),
		`app acme: sign: the header Authorization is set already: name another one`},
	"hmac without hash":    {hmac(func(a *App) { a.Sign.Hash = "" }), needsHMAC},
	"hmac without key":     {hmac(func(a *App) { a.Sign.Key = "" }), needsHMAC},
	"hmac without message": {hmac(func(a *App) { a.Sign.Message = "" }), needsHMAC},
	"hmac without header":  {hmac(func(a *App) { a.Sign.Header = "" }), needsHMAC},
	"hmac with service": {hmac(func(a *App) {
		a.Sign.Service = "s3"
	}), `app acme: sign: service and region belong to aws_sigv4: take them out`},
	"hash": {hmac(func(a *App) {
		a.Sign.Hash = "md5"
	}), `app acme: sign.hash "md5" is unknown: write sha1 or sha256 or sha512`},
	"key encoding": {hmac(func(a *App) {
		a.Sign.KeyEncoding = "base32"
	}), `app acme: sign.key_encoding "base32" is unknown: write text or base64 or hex`},
	"encoding": {hmac(func(a *App) {
		a.Sign.Encoding = "text"
	}), `app acme: sign.encoding "text" is unknown: write hex or base64`},
	"timestamp format": {hmac(func(a *App) {
		a.Sign.TimestampFormat = "iso"
	}), `app acme: sign.timestamp_format "iso" is unknown: write unix or unix_ms or rfc3339`},
	"literal key": {hmac(func(a *App) {
		a.Sign.Key = "canary"
	}),
		`app acme: sign.key names no field: write a placeholder like {api_secret}, and the key itself into the connection`},
	"request in the key": {hmac(func(a *App) {
		a.Sign.Key = "{body}"
	}), `app acme: sign.key: {body} is not a declared field: add it to fields, or write {api_key}`},
	"undeclared in the prefix of sign": {hmac(func(a *App) {
		a.Sign.Prefix = "{x}:"
	}), `app acme: sign.prefix: {x} is not a declared field: add it to fields, or write {api_key}`},
	"undeclared in the message": {hmac(func(a *App) {
		a.Sign.Message = "{nonce}"
	}),
		`app acme: sign.message: {nonce} is not a declared field: add it to fields, or write {method} or {path} or ` +
			`{path_only} or {query} or {host} or {timestamp} or {body} or {body_sha256} or {api_key}`},
	"timestamp untold": {hmac(func(a *App) {
		a.Sign.TimestampHeader = ""
	}), `app acme: sign.message uses {timestamp}, which the provider must be told: name the header in timestamp_header`},
	"field named as the request": {hmac(func(a *App) {
		a.Fields = append(a.Fields, Field{Name: "host"})
	}), `app acme: field host: {host} is the request's in sign.message: give the field another name`},
	"signature where the key is": {hmac(func(a *App) {
		a.Sign.Header = "x-api-key"
	}), `app acme: sign: the header x-api-key is set already: name another one`},
	"timestamp in the signature": {hmac(func(a *App) {
		a.Sign.TimestampHeader = "x-sign"
	}), `app acme: sign: the header x-sign is set already: name another one`},
	"reserved signature header": {hmac(func(a *App) {
		a.Sign.Header = "Connection"
	}),
		`app acme: sign: the header Connection belongs to the connection and not to the app: write another one, like ` +
			`Authorization`},
}

func TestCheckRefusesSign(t *testing.T) { refuse(t, keyed, badSigns) }
