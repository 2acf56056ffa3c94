// Package catalog says which apps exist: for each its upstream, how it authenticates and where
// its credential goes. The data stand in apps.jsonl, one app a line, sorted by slug; operators
// add and override apps in their configuration, in the same shape.
//
// It must never hold a credential or the state of a connection: it is facts about third parties.
package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

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
	// Icon is a local file with the app's picture, a PNG of at most 1024 pixels a side or an SVG, of
	// at most 64 KiB: relative to the file that names it. It is read at start and at each reload.
	// Empty means a monogram of the name. Never set in the embedded data.
	Icon string `json:"icon,omitempty"`
	// Picture is what Icon holds, once it was read.
	Picture *Picture `json:"-"`
	// Categories are a few lower-case words for search.
	Categories []string `json:"categories,omitempty"`
	// AuthType is `o_auth`, `api_key`, `basic` or `header`.
	AuthType string `json:"auth_type"`
	// Fields are the values that a connection of a key-based app consists of, and those besides
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
	// KeyPlaces are where the app's SDKs put its credential besides the places that Placement fills.
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
	// Refused are the answers by which the provider refuses the credential, besides 401.
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
	// Community says that the entry is known from one source only, as the file that it is in says.
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
	// FromClient is a value that comes with the OAuth client: what the provider gave the tenant
	// besides its id and secret, or `client_id` itself.
	FromClient = "client"
	// FromGrant is a value that an OAuth2.Capture finds when an end user authorizes.
	FromGrant = "grant"
)

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
	// besides the known ones: an error code in whichever member, or a part of a description. Case
	// does not matter.
	Ended []string `json:"ended,omitempty"`
	// Capture finds the values of the fields from `grant`.
	Capture []Capture `json:"capture,omitempty"`
	// Account leads to the member of the token endpoint's answer to a code that names the account,
	// such as `workspace_name`, for people to see which one they connected. Names are joined by dots;
	// an index is the name of an element of a list.
	Account string `json:"account,omitempty"`
	// TokenLifetime is assumed, in seconds, where the provider's answer names no `expires_in`; 0
	// means such tokens do not expire.
	TokenLifetime int `json:"token_lifetime,omitempty"`
}

// documentation checks where the entry's facts come from, and when they were compared.
func (c checker) documentation() error {
	if c.Docs != "" {
		u, err := url.Parse(c.Docs)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return errors.New("docs must be an https address of the provider's: write it like " +
				"https://developers.example.com/auth")
		}
	}
	switch _, err := time.Parse(time.DateOnly, c.Checked); {
	case c.Checked == "":
		return nil
	case c.Docs == "":
		return errors.New("checked is the day on which docs was read, but docs is missing: write it")
	case err != nil:
		return fmt.Errorf("checked %q is invalid: write a day like 2026-11-30", c.Checked)
	}
	return nil
}
