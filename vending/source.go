package vending

import (
	"context"
	"fmt"
	"log/slog"
)

// Source vends a currently valid credential for one request.
//
// Vend must honour ctx, must return a *[Error] for every refusal that the caller can act on
// (anything else becomes `internal_error`), and must never return a credential that it keeps
// for another request. It is called from many goroutines at once.
type Source interface {
	Vend(ctx context.Context, r Request) (Credential, error)
}

// Request asks a source for the credential of one connection, on behalf of one end user of
// one tenant. A source refuses with `connection_deleted` unless all three belong together.
type Request struct {
	// Tenant is the tenant's id.
	Tenant string
	// User is the end user's email address, lower-cased and trimmed.
	User string
	// Connection is the opaque connection id as the caller spelled it.
	Connection string
	// App is the slug in the caller's path; a credential of another app is `app_mismatch`.
	// Empty means any app: only the Platform API's token endpoint asks so.
	App string
	// Force says that Refused was answered with 401 by the upstream: do not vend it again if
	// a fresher credential can be had.
	Force bool
	// Refused is the credential that the upstream refused; zero unless Force is set.
	Refused Credential
	// HandOut says that the credential leaves us instead of being used for a call: where it is
	// known that the provider refuses it, none is vended.
	HandOut bool
	// Key is the tenant key of the caller, for sources that pass it through.
	Key Secret
	// ID is the call's, for what a source records of the vend; empty where there is none to name.
	ID string
}

// KeyTaker is implemented by a source that may need the caller's own tenant key. Where it says so,
// [Request.Key] holds that key: callers then need no tenant in the gateway's configuration, and a
// caller key cannot be used.
type KeyTaker interface {
	TakesCallerKey() bool
}

// ExternalUsers is implemented by a source that may know end users by opaque ids instead of email
// addresses. Where it says so, [Request.User] is such an id.
type ExternalUsers interface {
	NamesUsersByExternalID() bool
}

// TenantBound is implemented by a source that may hold the connections of some tenants only.
type TenantBound interface {
	// Tenants lists them; nil means every tenant.
	Tenants() []string
}

// Noter is a source that remembers that a provider refused a credential, of which a forced vend
// tells it, and so wants to know if the provider accepts it again.
type Noter interface {
	Source
	// Accepted notes that a call with c, of which [Credential.Doubted] is true, was accepted. r says
	// for whom c was vended; it has no Key.
	Accepted(ctx context.Context, r Request, c Credential)
}

// Secret is a string that formats as a fixed mark, so that a stray %v or log field cannot
// spill it. Reveal returns the text.
type Secret struct{ text *string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the secret's text, or "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil || *s.text == "" }

// redacted is what every secret prints as.
const redacted = "[redacted]"

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
