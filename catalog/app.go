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
	// Name is the product's, and tells entries of one product apart: `WordPress (self-hosted,
	// application password)`.
	Name string `json:"name"`
	// ShortName is what end users know the product by, `WordPress`, where Name says more than that:
	// at most 40 bytes. Empty means Name.
	ShortName string `json:"short_name,omitempty"`
	// HelpURL is the https page of the provider's that says where end users find the credential.
	HelpURL string `json:"help_url,omitempty"`
	// Categories are a few lower-case words for search.
	Categories []string `json:"categories,omitempty"`
	// AuthType is `o_auth`, `api_key`, `basic` or `header`.
	AuthType string `json:"auth_type"`
	// Fields are the values that a connection of a key-based app consists of, and those beside
	// the token that an OAuth app needs (a subdomain, an instance).
	Fields []Field `json:"fields,omitempty"`
	// Upstream is the absolute base URL. Its host may hold slots, `https://{subdomain}.zendesk.com`:
	// each is filled with exactly one DNS label, and at least two literal labels follow the last. A
	// field with options may fill any part of it, and one of kind `host` stands for all of it.
	Upstream string `json:"upstream"`
	// ExtraHosts are the app's other hosts, called by the scheme of Upstream; a port may follow. The
	// caller reaches them, and gets the credential there, by a path that begins with `/~` and the
	// host; that replaces the host and the base path of Upstream. Where the provider names hosts as it
	// makes them, `*` in a label stands for what may be there: one character of `[a-z0-9-]` or more,
	// and never a dot. `*.svc.*.pinecone.io` needs two fixed labels at its end, or more, that no one
	// but the provider has hosts below.
	ExtraHosts []string `json:"extra_hosts,omitempty"`
	// HostLabels name extra hosts in a host name of the gateway's own, where apps are addressed by
	// host: `https://{app}--{label}.gateway.example`. They map a label of `[a-z0-9]` and `-`, which
	// never changes, to one of ExtraHosts.
	HostLabels map[string]string `json:"host_labels,omitempty"`
	// Beside is what the app has outside of its API, such as git over HTTP.
	Beside *Beside `json:"beside,omitempty"`
	// Headers are sent with each request whose caller sends none of that name, such as the version of
	// an API.
	Headers map[string]string `json:"headers,omitempty"`
	// Placement says where the credential goes. Default: that of the auth type, for
	// `o_auth` the header `Authorization: {token_type} {access_token}`, for `basic` HTTP Basic
	// with the fields `username` and `password`, for `header` each field as a header of its name.
	// An `api_key` app must state it, or a Sign.
	Placement *Placement `json:"placement,omitempty"`
	// KeyPlaces are where the app's SDKs put its credential beside the places that Placement fills.
	KeyPlaces *KeyPlaces `json:"key_places,omitempty"`
	// Links say where answers hold addresses of the app's that its clients call.
	Links *Links `json:"links,omitempty"`
	// Sign is for APIs that want each request signed.
	Sign *Sign `json:"sign,omitempty"`
	// OAuth2 is how tokens are obtained and refreshed. An app has this or OAuth1 exactly when AuthType
	// is `o_auth`.
	OAuth2 *OAuth2 `json:"oauth2,omitempty"`
	// OAuth1 is for providers that still want each request signed (RFC 5849).
	OAuth1 *OAuth1 `json:"oauth1,omitempty"`
	// Verify is a harmless request that shows whether a credential is accepted.
	Verify *Verify `json:"verify,omitempty"`
	// RateLimit says how the provider tells that it has had too many calls, where it is not by 429
	// with `Retry-After`.
	RateLimit *RateLimit `json:"rate_limit,omitempty"`
	// Refused are the answers by which the provider refuses the credential, beside 401.
	Refused []Refused `json:"refused,omitempty"`
	// HostRenames are hosts that the options of fields fill and that the provider calls otherwise:
	// `accounts.zoho.ca` is `accounts.zohocloud.ca`.
	HostRenames map[string]string `json:"host_renames,omitempty"`
	// SiteNames is for software that people host themselves, whose links may name it otherwise than
	// its connections do.
	SiteNames *SiteNames `json:"site_names,omitempty"`
	// Steering names what lets a request stand for another one than its request line says.
	Steering *Steering `json:"steering,omitempty"`
	// Redirects says what becomes of a redirect that leads a client past the gateway: `refuse`,
	// `follow` or `pass`. Empty leaves it to the handler, whose default depends on where the key came.
	Redirects string `json:"redirects,omitempty"`
	// Errors is empty (provider errors are mapped to codes) or `passthrough`.
	Errors string `json:"errors,omitempty"`
	// ErrorForm is how the app's SDKs want errors of the gateway's own: empty for the envelope, or
	// `aws_xml`, `telegram` or `error_text`.
	ErrorForm string `json:"error_form,omitempty"`
	// SDK is the client library that Upstream was chosen by.
	SDK *SDK `json:"sdk,omitempty"`
	// Docs is the provider's own https page that says what the entry says of OAuth, or of the key.
	Docs string `json:"docs,omitempty"`
	// Checked is the day on which Docs was last read and compared, as 2006-01-02.
	Checked string `json:"checked,omitempty"`
	// Community says that the entry is known from one source only. It is where the entry stands that
	// says so.
	Community bool `json:"-"`
	// AllowHTTP permits a plain `http` upstream. Never set in the embedded data.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// AllowPrivate lists CIDRs outside global unicast that the app's hosts may resolve to.
	// Never set in the embedded data.
	AllowPrivate []string `json:"allow_private,omitempty"`
}

// The forms of errors that an entry may name.
const (
	// AWSXML is what SDKs for Amazon S3 parse, `<Error><Code>…</Code>…</Error>`.
	AWSXML = "aws_xml"
	// TelegramForm is the envelope with Telegram's `ok`, `error_code`, `description` and `parameters`.
	TelegramForm = "telegram"
	// ErrorText is the envelope with the message as its member `error`.
	ErrorText = "error_text"
)

// ErrorForms are all of them.
var ErrorForms = []string{AWSXML, TelegramForm, ErrorText}

// Where the value of a field comes from.
const (
	// FromClient is a value that comes with the OAuth client: what the provider gave the tenant beside
	// its id and secret, or `client_id` itself.
	FromClient = "client"
	// FromGrant is a value that an OAuth2.Capture finds when an end user authorizes.
	FromGrant = "grant"
)

// KindHost is the kind of a field whose value is a whole host name, with an optional port.
const KindHost = "host"

// KindLabels is the kind of a field that fills a part of a host with one DNS label or several
// joined by dots, for providers that keep some accounts below another name: acme.example.com,
// acme.demo.example.com.
const KindLabels = "labels"

// Field is one value that a connection has beside its token, or instead of one.
type Field struct {
	// Name is what templates and connections call it: `[a-z0-9_]`, or for apps of auth type
	// `header` without a placement, the header's name.
	Name string `json:"name"`
	// Label is what a form calls it.
	Label string `json:"label,omitempty"`
	// Help is a short sentence that a form shows below it: where to find the value, or how it
	// looks. At most 200 bytes.
	Help string `json:"help,omitempty"`
	// Secret says that the value must never be shown.
	Secret bool `json:"secret,omitempty"`
	// From is `client` for what comes with the OAuth client, and `grant` for what a capture finds when
	// an end user authorizes. Default: the end user enters it.
	From string `json:"from,omitempty"`
	// Kind is `host` for a whole host name with an optional port, and `labels` for a part of one that
	// may have dots, `acme.demo` of `acme.demo.my.salesforce.com`. Default: any text.
	Kind string `json:"kind,omitempty"`
	// Options are the only values there are, if it has any.
	Options []string `json:"options,omitempty"`
	// Default is the option that a connection without a value has: the region that an app's address
	// was before others could be chosen. It fills hosts alone, of what the end user enters.
	Default string `json:"default,omitempty"`
	// Hosts are other hosts of the provider's that a value may name whole, in place of filling its
	// slot in the upstream: `*.my.salesforce.mil`. The star is one DNS label, or several for the
	// kind `labels`.
	Hosts []string `json:"hosts,omitempty"`
	// SitePath says that a value of kind `host` may go on with the path below which a site lives,
	// `example.com/blog`. It goes between the host and the base path of an address.
	SitePath bool `json:"site_path,omitempty"`
	// Cut are paths that people paste along with the address of their site and that are no part of
	// it, such as `/wp-admin`: what is entered into a field of kind `host` ends before the first of
	// them.
	Cut []string `json:"cut,omitempty"`
}

// Placement says where a credential goes in the upstream request. Several may be set at once.
type Placement struct {
	// Header maps header names to templates.
	Header map[string]string `json:"header,omitempty"`
	// Query maps query keys to templates.
	Query map[string]string `json:"query,omitempty"`
	// Basic is user name and password (RFC 7617).
	Basic *Basic `json:"basic,omitempty"`
	// PathPrefix is a template that goes after the upstream's base path and before the caller's
	// path; it starts with `/` and each placeholder fills part of one segment.
	PathPrefix string `json:"path_prefix,omitempty"`
	// OtherPrefixes are templates like PathPrefix that begin with segments without placeholders,
	// `/file/bot{token}`: callers' paths that begin with those, `/file/photos/1.jpg`, get all of it in
	// their place, and not PathPrefix. See [Placement.Prefixes].
	OtherPrefixes []string `json:"other_prefixes,omitempty"`
}

// Basic holds the templates of user name and password.
type Basic struct {
	// Username is the template of the user name, `{username}`.
	Username string `json:"username"`
	// Password is the template of the password, `{password}`.
	Password string `json:"password"`
}

// OAuth2 is what it takes to obtain and to refresh tokens. URLs are https. Those of the three
// endpoints may hold slots, as an upstream may, and placeholders that fill part of one segment of
// their paths; no end user can choose a whole host there, because the OAuth client's secret goes to
// it.
type OAuth2 struct {
	// AuthorizeURL is the provider's page on which end users consent. Only the grant
	// `client_credentials` has none.
	AuthorizeURL string `json:"authorize_url,omitempty"`
	// TokenURL is the token endpoint.
	TokenURL string `json:"token_url"`
	// RevokeURL is the revocation endpoint (RFC 7009), where there is one.
	RevokeURL string `json:"revoke_url,omitempty"`
	// RefreshURL is where tokens are refreshed, if not at TokenURL.
	RefreshURL string `json:"refresh_url,omitempty"`
	// Exchange trades the token that a code gives for one that lives longer.
	Exchange *Exchange `json:"exchange,omitempty"`
	// Renew trades a token that came without a refresh token for a new one, from half of its lifetime
	// on: once it has expired, nothing but the end user's consent brings another.
	Renew *Exchange `json:"renew,omitempty"`
	// Scopes are a starting set.
	Scopes []string `json:"scopes,omitempty"`
	// ScopeSeparator is a space by default.
	ScopeSeparator string `json:"scope_separator,omitempty"`
	// ClientAuth says where the client's id and secret go: `body` (the default), `header` (RFC 6749,
	// section 2.3.1: both are form-encoded, and then HTTP Basic), or `header_raw`, which is HTTP Basic
	// alone (RFC 7617) for providers that do not decode a secret with characters like `+`, `/` or `=`.
	ClientAuth string `json:"client_auth,omitempty"`
	// TokenEncoding says how requests to the token and the revocation endpoint are encoded: empty is
	// `application/x-www-form-urlencoded` (RFC 6749, section 4.1.3), `json` one JSON object.
	TokenEncoding string `json:"token_encoding,omitempty"`
	// NoPKCE is set where the provider refuses a code challenge (RFC 7636).
	NoPKCE bool `json:"no_pkce,omitempty"`
	// Issuer is what the provider names itself by in `iss` (RFC 9207). Where it is empty, `iss` may be
	// any URL of the authorization endpoint's scheme and host.
	Issuer string `json:"issuer,omitempty"`
	// Grant is empty for the authorization code (RFC 6749, section 4.1), or `client_credentials`
	// (section 4.4): there is no page of the provider's then, and the end user enters a client of
	// their own into the fields `client_id` and `client_secret`, which are never placed.
	Grant string `json:"grant,omitempty"`
	// AuthorizeParams are added to the authorization request.
	AuthorizeParams map[string]string `json:"authorize_params,omitempty"`
	// TokenParams are added to each request to the token endpoint.
	TokenParams map[string]string `json:"token_params,omitempty"`
	// RefreshParams are added to the refresh request alone (RFC 6749, section 6), and take the place
	// of TokenParams of the same name. One of them may be `scope`, which Entra wants where the token
	// is for an app's own API.
	RefreshParams map[string]string `json:"refresh_params,omitempty"`
	// ClientIDParam is what the provider calls `client_id`, where it does not call it that.
	ClientIDParam string `json:"client_id_param,omitempty"`
	// Answer names the object inside the token endpoint's answer that holds the token, such as
	// `authed_user`; empty means that the answer itself does.
	Answer string `json:"answer,omitempty"`
	// Ended are texts by which the provider says, in answer to a refresh, that the grant has ended,
	// beside the known ones: an error code in whichever member, or a part of a description. Case
	// does not matter.
	Ended []string `json:"ended,omitempty"`
	// Capture finds the values of the fields from `grant`.
	Capture []Capture `json:"capture,omitempty"`
	// TokenLifetime, in seconds, is assumed where the provider's answer names no `expires_in`;
	// 0 means such tokens do not expire.
	TokenLifetime int `json:"token_lifetime,omitempty"`
}

// Exchange trades one token for another, as the APIs of Meta want it. It is a GET request with
// `grant_type` and the token in its query, to which [OAuth2.Exchange] adds the client's `client_id`
// and `client_secret`. Its answer is one of a token endpoint.
type Exchange struct {
	// URL is the endpoint that trades tokens.
	URL string `json:"url"`
	// GrantType is sent as `grant_type`.
	GrantType string `json:"grant_type"`
	// Param is the parameter with the token.
	Param string `json:"param"`
}

// Verify is a request to the upstream with the credential placed.
type Verify struct {
	// Method is GET by default.
	Method string `json:"method,omitempty"`
	// Host is one of the extra hosts, if it is not the upstream that is asked.
	Host string `json:"host,omitempty"`
	// Path is appended to the upstream's base URL or to the host; it may hold a query and
	// placeholders.
	Path string `json:"path"`
	// Headers are sent with it.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is sent as JSON where not empty.
	Body string `json:"body,omitempty"`
	// Success says what the answer to an accepted credential holds, for APIs that answer 2xx to a
	// wrong one as well: `ok=true` is the value of a member, `data.me.id` that there is one which
	// is not null. Names are joined by dots; an index is the name of an element of a list.
	Success string `json:"success,omitempty"`
	// Wrong are the statuses that mean a wrong credential, beside 401, which always does but where
	// Accepted says otherwise.
	Wrong []int `json:"wrong,omitempty"`
	// Accepted are failures that say that the credential is right, 401 among them.
	Accepted []Accepted `json:"accepted,omitempty"`
	// Inconclusive says that a status from 400 to 499 other than 401 and those in Wrong may have
	// another cause than a wrong credential, such as a scope. Without it, all of them mean a wrong
	// one but 402, which leaves it open, 408 and 429.
	Inconclusive bool `json:"inconclusive,omitempty"`
}

// Sign describes request signing. All of its values but Message and the numbers are templates over
// the fields.
type Sign struct {
	// Scheme is `aws_sigv4` or `hmac`.
	Scheme string `json:"scheme"`

	// Service of `aws_sigv4`, such as `s3`. The keys come from the fields `access_key_id`,
	// `secret_access_key` and, if present, `session_token`.
	Service string `json:"service,omitempty"`
	// Region of `aws_sigv4`, such as `{region}`.
	Region string `json:"region,omitempty"`

	// Hash of `hmac`: `sha1`, `sha256` or `sha512`.
	Hash string `json:"hash,omitempty"`
	// Key is the template of the HMAC key.
	Key string `json:"key,omitempty"`
	// KeyEncoding is how the text of Key encodes it: `text` (the default), `base64` or `hex`.
	KeyEncoding string `json:"key_encoding,omitempty"`
	// Message is the string that is signed. It may use `{method}`, `{path}` (escaped, with the query),
	// `{path_only}`, `{query}`, `{host}`, `{timestamp}`, `{body}`, `{body_sha256}` (hex) and the
	// fields.
	Message string `json:"message,omitempty"`
	// Header receives Prefix followed by the signature.
	Header string `json:"header,omitempty"`
	// Prefix is the text before the signature. Default: none.
	Prefix string `json:"prefix,omitempty"`
	// Encoding is how the signature is written: `hex` (the default) or `base64`.
	Encoding string `json:"encoding,omitempty"`
	// TimestampHeader receives the timestamp. Default: no header does.
	TimestampHeader string `json:"timestamp_header,omitempty"`
	// TimestampFormat is `unix` (the default), `unix_ms` or `rfc3339`.
	TimestampFormat string `json:"timestamp_format,omitempty"`

	// MaxBody bounds, in bytes, the body that is held in memory when the scheme needs all of it before
	// the first byte can go out; a larger one is `request_too_large`. 1 MiB by default.
	MaxBody int64 `json:"max_body,omitempty"`
}
