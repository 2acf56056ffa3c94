// Package catalog says which apps exist: for each its upstream, how it authenticates and where
// its credential goes. The data stand in apps.jsonl, one app a line, sorted by slug; operators
// add and override apps in their configuration, in the same shape.
//
// It must never hold a credential or the state of a connection: it is facts about third parties.
package catalog

// App is one third-party API. Its JSON form is one line of apps.jsonl.
//
// A template is text with placeholders in braces, `{api_key}`. A placeholder names a declared
// field or, for `o_auth` apps, `access_token` or `token_type`. `{{` and `}}` stand for braces.
type App struct {
	// Slug names the app in paths: `[a-z0-9]` and `-`, at most 64 bytes.
	Slug string `json:"slug"`
	// Name is what people call the product.
	Name string `json:"name"`
	// Categories are a few lower-case words for search.
	Categories []string `json:"categories,omitempty"`
	// AuthType is `o_auth`, `api_key`, `basic` or `header`.
	AuthType string `json:"auth_type"`
	// Fields are the values that a connection of a key-based app consists of, and those beside
	// the token that an OAuth app needs (a subdomain, an instance).
	Fields []Field `json:"fields,omitempty"`
	// Upstream is the absolute base URL. Its host may hold slots, `https://{subdomain}.zendesk.com`:
	// each is filled with exactly one DNS label, and at least two literal labels follow the last.
	Upstream string `json:"upstream"`
	// Placement says where the credential goes. Nil means the default of the auth type: for
	// `o_auth` the header `Authorization: {token_type} {access_token}`, for `basic` HTTP Basic
	// with the fields `username` and `password`, for `header` each field as a header of its name.
	// An `api_key` app must state it, or a Sign.
	Placement *Placement `json:"placement,omitempty"`
	// Sign is for APIs that want each request signed.
	Sign *Sign `json:"sign,omitempty"`
	// OAuth2 is set exactly when AuthType is `o_auth`.
	OAuth2 *OAuth2 `json:"oauth2,omitempty"`
	// Verify is a harmless request that shows whether a credential is accepted.
	Verify *Verify `json:"verify,omitempty"`
	// Errors is empty (provider errors are mapped to codes) or `passthrough`.
	Errors string `json:"errors,omitempty"`
	// AllowHTTP permits a plain `http` upstream. Never set in the embedded data.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// AllowPrivate lists CIDRs outside global unicast that the app's hosts may resolve to.
	// Never set in the embedded data.
	AllowPrivate []string `json:"allow_private,omitempty"`
}

// Field is one value that an end user gives when connecting.
type Field struct {
	// Name is what templates and connections call it: `[a-z0-9_]`, or for apps of auth type
	// `header` without a placement, the header's name.
	Name string `json:"name"`
	// Label is what a form calls it.
	Label string `json:"label,omitempty"`
	// Secret says that the value must never be shown.
	Secret bool `json:"secret,omitempty"`
}

// Placement says where a credential goes in the upstream request. Several may be set at once.
type Placement struct {
	// Header maps header names to templates.
	Header map[string]string `json:"header,omitempty"`
	// Query maps query keys to templates.
	Query map[string]string `json:"query,omitempty"`
	// Basic is HTTP Basic authentication (RFC 7617).
	Basic *Basic `json:"basic,omitempty"`
	// PathPrefix is a template that goes after the upstream's base path and before the caller's
	// path; it starts with `/` and each placeholder fills part of one segment.
	PathPrefix string `json:"path_prefix,omitempty"`
}

// Basic holds the templates of user name and password.
type Basic struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// OAuth2 is what it takes to obtain and to refresh tokens. URLs are https.
type OAuth2 struct {
	AuthorizeURL string `json:"authorize_url,omitempty"`
	TokenURL     string `json:"token_url"`
	// RevokeURL is the revocation endpoint (RFC 7009), where there is one.
	RevokeURL string `json:"revoke_url,omitempty"`
	// Scopes are a starting set.
	Scopes []string `json:"scopes,omitempty"`
	// ScopeSeparator is a space by default.
	ScopeSeparator string `json:"scope_separator,omitempty"`
	// ClientAuth says where the client's id and secret go: `body` (the default) or `header`
	// (RFC 6749, section 2.3.1).
	ClientAuth string `json:"client_auth,omitempty"`
	// NoPKCE is set where the provider refuses a code challenge (RFC 7636).
	NoPKCE bool `json:"no_pkce,omitempty"`
	// Issuer is what the provider names itself by in `iss` (RFC 9207). Where it is empty, `iss` may be any
	// URL of the authorization endpoint's scheme and host.
	Issuer string `json:"issuer,omitempty"`
	// Grant is empty for the authorization code (RFC 6749, section 4.1), or `client_credentials` (section
	// 4.4): there is no page of the provider's then, and the end user enters a client of their own into the
	// fields `client_id` and `client_secret`, which are never placed.
	Grant string `json:"grant,omitempty"`
	// AuthorizeParams are added to the authorization request.
	AuthorizeParams map[string]string `json:"authorize_params,omitempty"`
	// TokenLifetime, in seconds, is assumed where the provider's answer names no `expires_in`;
	// 0 means such tokens do not expire.
	TokenLifetime int `json:"token_lifetime,omitempty"`
}

// Verify is a request to the upstream with the credential placed.
type Verify struct {
	// Method is GET by default.
	Method string `json:"method,omitempty"`
	// Path is appended to the upstream's base URL; it may hold a query and placeholders.
	Path string `json:"path"`
	// Headers are sent with it.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is sent as JSON where not empty.
	Body string `json:"body,omitempty"`
	// Inconclusive says that only success proves something: a failure may have other causes
	// than a wrong credential.
	Inconclusive bool `json:"inconclusive,omitempty"`
}

// Sign describes request signing. All of its values but Message and the numbers are templates over
// the fields.
type Sign struct {
	// Scheme is `aws_sigv4` or `hmac`.
	Scheme string `json:"scheme"`

	// Service and Region of `aws_sigv4`, e.g. `s3` and `{region}`. The keys come from the fields
	// `access_key_id`, `secret_access_key` and, if present, `session_token`.
	Service string `json:"service,omitempty"`
	Region  string `json:"region,omitempty"`

	// Hash of `hmac`: `sha1`, `sha256` or `sha512`.
	Hash string `json:"hash,omitempty"`
	// Key is the template of the HMAC key, and KeyEncoding how its text encodes it: `text` (the default),
	// `base64` or `hex`.
	Key         string `json:"key,omitempty"`
	KeyEncoding string `json:"key_encoding,omitempty"`
	// Message is the declared string. It may use `{method}`, `{path}` (escaped, with the query), `{path_only}`,
	// `{query}`, `{host}`, `{timestamp}`, `{body}`, `{body_sha256}` (hex) and the fields.
	Message string `json:"message,omitempty"`
	// Header receives Prefix followed by the signature in Encoding: `hex` (the default) or `base64`.
	Header   string `json:"header,omitempty"`
	Prefix   string `json:"prefix,omitempty"`
	Encoding string `json:"encoding,omitempty"`
	// TimestampHeader, if set, receives the timestamp in TimestampFormat: `unix` (the default), `unix_ms`
	// or `rfc3339`.
	TimestampHeader string `json:"timestamp_header,omitempty"`
	TimestampFormat string `json:"timestamp_format,omitempty"`

	// MaxBody bounds, in bytes, the body that is held in memory when the scheme needs all of it before
	// the first byte can go out; a larger one is `request_too_large`. 1 MiB by default.
	MaxBody int64 `json:"max_body,omitempty"`
}
