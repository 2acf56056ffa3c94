package connect

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// APIOptions are what the Platform API works on.
type APIOptions struct {
	Store *Store
	// Source vends what the token call answers.
	Source vending.Source
	// Catalog finds an app by slug.
	Catalog func(slug string) (*catalog.App, bool)
	// Logger receives the causes of `internal_error`; nil discards them.
	Logger *slog.Logger
	// Now is the clock of expires_in; nil means time.Now.
	Now func() time.Time
}

// API answers calls of the Platform API. Its methods take a tenant that was authenticated and
// permitted, and an end user that was identified, by the caller; they check neither.
type API struct{ o APIOptions }

// NewAPI returns the API over o.
func NewAPI(o APIOptions) *API {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{o}
}

// appAnswer is the `app` of a connection.
type appAnswer struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// connectionAnswer is a `Connection` of the Platform API.
type connectionAnswer struct {
	ID                string    `json:"id"`
	Name              string    `json:"name"`
	App               appAnswer `json:"app"`
	Status            Status    `json:"status"`
	ViaLink           bool      `json:"via_link"`
	NeedsReconnection bool      `json:"needs_reconnection"`
	RefreshPending    bool      `json:"refresh_pending"`
	CreatedAt         time.Time `json:"created_at"`
	UpdatedAt         time.Time `json:"updated_at"`
}

// ServeConnection answers `GET /platform/v1/connections/{id}`.
func (a *API) ServeConnection(w http.ResponseWriter, r *http.Request, tenant, user, id string) {
	c, err := a.o.Store.Connection(r.Context(), tenant, user, id)
	if err != nil {
		a.refuse(w, r, tenant, id, err)
		return
	}
	vending.WriteSuccess(w, http.StatusOK, "connection found", a.describe(c))
}

// describe names an app that has left the catalog by its slug: the connection is still there.
func (a *API) describe(c Connection) connectionAnswer {
	app := appAnswer{ID: c.App, Slug: c.App, Name: c.App}
	if known, ok := a.o.Catalog(c.App); ok {
		app.Name = known.Name
	}
	return connectionAnswer{
		ID: c.ID, Name: c.Name, App: app, Status: c.Status,
		ViaLink: c.ViaLink, NeedsReconnection: c.NeedsReconnection, RefreshPending: c.RefreshPending,
		// To the second: some clients' RFC 3339 parsers know no fraction.
		CreatedAt: c.CreatedAt.Truncate(time.Second), UpdatedAt: c.UpdatedAt.Truncate(time.Second),
	}
}

// tokenAnswer and fieldsAnswer are what the token call answers; expires_in is null where the expiry
// is unknown.
type tokenAnswer struct {
	AccessToken string           `json:"access_token"`
	TokenType   string           `json:"token_type"`
	ExpiresIn   *int64           `json:"expires_in"`
	AuthType    vending.AuthType `json:"auth_type"`
	// Fields are those that the app needs beside the token, such as the account's host.
	Fields map[string]string `json:"fields,omitempty"`
}

type fieldsAnswer struct {
	AuthType  vending.AuthType  `json:"auth_type"`
	Fields    map[string]string `json:"fields"`
	ExpiresIn *int64            `json:"expires_in"`
}

// ServeToken answers `POST /platform/v1/connections/{id}/token`.
func (a *API) ServeToken(w http.ResponseWriter, r *http.Request, tenant, user, id string) {
	cred, err := a.o.Source.Vend(r.Context(), vending.Request{Tenant: tenant, User: user, Connection: id})
	if err != nil {
		a.refuse(w, r, tenant, id, err)
		return
	}
	vending.WriteSuccess(w, http.StatusOK, "credential vended", a.reveal(cred))
}

func (a *API) reveal(cred vending.Credential) any {
	if cred.AuthType == vending.OAuth {
		token, _ := cred.Field(vending.AccessToken)
		tokenType, _ := cred.Field(vending.TokenType)
		return tokenAnswer{token, tokenType, a.expiresIn(cred.Expiry), vending.OAuth, namedFields(cred)}
	}
	return fieldsAnswer{AuthType: cred.AuthType, Fields: namedFields(cred)}
}

// namedFields are cred's values but for the token itself. An OAuth app has some where its host depends
// on the account, and another gateway in front of this one needs them.
func namedFields(cred vending.Credential) map[string]string {
	fields := make(map[string]string)
	for name, value := range cred.Fields() {
		if name != vending.AccessToken && name != vending.TokenType {
			fields[name] = value
		}
	}
	return fields
}

// expiresIn rounds down: a token must not be thought to live longer than it does.
func (a *API) expiresIn(expiry time.Time) *int64 {
	if expiry.IsZero() {
		return nil
	}
	seconds := max(0, int64(expiry.Sub(a.o.Now())/time.Second))
	return &seconds
}

// refuse answers with err. Only what the caller cannot see in the answer goes to the log, and
// nothing when the caller has gone.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, tenant, id string, err error) {
	e := vending.AsError(err)
	if e.Code == vending.InternalError && r.Context().Err() == nil {
		a.o.Logger.Error("platform call", "tenant", tenant, "connection", id, "error", err)
	}
	vending.WriteError(w, e, nil)
}
