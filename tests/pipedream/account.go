package pipedream

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// Account is one that an end user has connected. What the API says of it can be bent field by
// field; what the proxy goes by cannot. It has all that is documented (the schemas Account,
// AccountCredentials and App of the OpenAPI, which are the types of @pipedream/sdk 3.1.6).
type Account struct {
	ID, User, App string
	// Inject are the headers that the proxy adds, by which the API behind it knows the account.
	Inject http.Header
	// Origin is the scheme, host and port of that API. The proxy adds Inject to calls of no other;
	// if empty, to none.
	Origin string

	// base is the target URL that the proxy goes by, and unproxied says that it does not serve the
	// app.
	base      string
	unproxied bool
	fields    map[string]any
}

// OAuth makes an account whose access token is token.
func OAuth(id, user, app, token string) *Account {
	return account(id, user, app, "oauth", http.Header{"Authorization": {"Bearer " + token}}, []string{}, map[string]any{
		"oauth_client_id":     "client-of-" + app,
		"oauth_access_token":  token,
		"oauth_refresh_token": "refresh-" + token,
		"oauth_uid":           "uid-" + user,
		"oauth_signer_uri":    nil, // of apps with a signer of their own alone
	})
}

// Keys makes an account of an app that asks for keys: name and value in turn. The API behind the
// proxy gets the first as a bearer.
func Keys(id, user, app string, pairs ...string) *Account {
	credentials := make(map[string]any)
	var names []string
	for i := 0; i+1 < len(pairs); i += 2 {
		names = append(names, pairs[i])
		credentials[pairs[i]] = pairs[i+1]
	}
	return account(id, user, app, "keys", http.Header{"Authorization": {"Bearer " + pairs[1]}}, names, credentials)
}

func account(id, user, app, authType string, inject http.Header, customFields []string,
	credentials map[string]any) *Account {
	return &Account{ID: id, User: user, App: app, Inject: inject, fields: map[string]any{
		"id": id, "name": "Account of " + user, "external_id": user, "healthy": true, "dead": false,
		"app":        describeApp(app, authType, customFields),
		"created_at": "2026-05-01T10:00:00.000Z", "updated_at": "2026-05-02T10:00:00.000Z",
		"authorized_scopes": scopesOf(authType), "credentials": credentials,
		"error": nil, "expires_at": nil, "last_refreshed_at": nil, "next_refresh_at": nil,
	}}
}

// scopesOf are those that an account was granted: an app without OAuth has none (OpenAPI, Account).
func scopesOf(authType string) []string {
	if authType == "oauth" {
		return []string{"read", "write"}
	}
	return []string{}
}

// describeApp is an app with all that is documented: the schema App of the OpenAPI (the types of
// @pipedream/sdk 3.1.6), and `connect` (docs, Connect API proxy, "Understanding the Connect
// object"), which neither has. Custom fields are a JSON text of a list, "[]" if there are none.
func describeApp(slug, authType string, customFields []string) map[string]any {
	custom := []map[string]any{}
	for _, name := range customFields {
		custom = append(custom,
			map[string]any{"name": name, "label": strings.ToUpper(name), "description": nil, "default": nil, "optional": nil})
	}
	asText, _ := json.Marshal(custom) // strings and nulls only
	return map[string]any{
		"id": "app_1Z2hw1", "name_slug": slug, "name": strings.ToUpper(slug), "auth_type": authType,
		"description": "What it is for.",
		"img_src":     "https://assets.pipedream.net/s.v0/app_1Z2hw1/logo/orig", "custom_fields_json": string(asText),
		"categories": []string{"Developer Tools"}, "featured_weight": 5000, "scope_profiles": []any{},
		"connect": map[string]any{"proxy_enabled": true, "allowed_domains": nil, "base_proxy_target_url": nil},
	}
}

// Nulls makes the API say null wherever the schema permits it, but for what tells whose account it
// is: of an account the id alone is required, of an app name_slug, name, img_src, categories,
// featured_weight and scope_profiles (OpenAPI).
func (a *Account) Nulls() *Account {
	for _, path := range nullable {
		a.Set(path, nil)
	}
	return a
}

// Bare leaves out all that Nulls makes null.
func (a *Account) Bare() *Account {
	for _, path := range nullable {
		a.Drop(path)
	}
	return a
}

var nullable = []string{
	"name", "healthy", "dead", "created_at", "updated_at", "authorized_scopes", "expires_at", "error", "last_refreshed_at",
	"next_refresh_at",
	"app.id", "app.auth_type", "app.description", "app.custom_fields_json", "app.connect",
}

// Set makes the API say value at path, whose names are parted by dots: nil is null, and the wrong
// type is taken too. Call it before [StandIn.Put].
func (a *Account) Set(path string, value any) *Account {
	parent, name := a.at(path)
	parent[name] = value
	return a
}

// Drop leaves a field out.
func (a *Account) Drop(path string) *Account {
	parent, name := a.at(path)
	delete(parent, name)
	return a
}

func (a *Account) at(path string) (map[string]any, string) {
	parent, names := a.fields, strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		parent = parent[name].(map[string]any)
	}
	return parent, names[len(names)-1]
}

// Behind names the origin of the API that the proxy may call for the account: the app's own, which
// full URLs may name and relative ones are resolved against (docs, "Apps with static domains").
func (a *Account) Behind(origin string) *Account {
	if a.Origin, a.base = origin, origin; origin == "" {
		return a
	}
	_, host, _ := strings.Cut(origin, "://")
	return a.Set("app.connect",
		map[string]any{"proxy_enabled": true, "allowed_domains": []string{host}, "base_proxy_target_url": origin})
}

// Dynamic makes base, which holds a placeholder, the app's target URL: the proxy takes relative
// targets alone then (docs, "Apps with dynamic domains"; GitLab has its fixed domain among those
// allowed even so, and Salesforce none: community thread 13445). It leads to the account's origin,
// with base's path.
func (a *Account) Dynamic(base string, allowed ...string) *Account {
	a.base = base
	var domains any
	if len(allowed) > 0 {
		domains = allowed
	}
	return a.Set("app.connect",
		map[string]any{"proxy_enabled": true, "allowed_domains": domains, "base_proxy_target_url": base})
}

// Unproxied makes the app one that the proxy does not serve.
func (a *Account) Unproxied() *Account {
	a.unproxied = true
	return a.Set("app.connect.proxy_enabled", false)
}

// Put adds an account to the project, or replaces the one of its id. It is the API's from then on.
func (s *StandIn) Put(a *Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[a.ID] = a
	for _, values := range a.Inject {
		for _, v := range values {
			s.secrets = append(s.secrets, strings.TrimPrefix(v, "Bearer "))
		}
	}
	credentials, _ := a.fields["credentials"].(map[string]any)
	for name, v := range credentials {
		if text, ok := v.(string); ok && text != "" && name != "oauth_client_id" && name != "oauth_uid" {
			s.secrets = append(s.secrets, text)
		}
	}
}

func (s *StandIn) account(id string) (*Account, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accounts[id]
	if !ok {
		return nil, &refusal{status: http.StatusNotFound, text: "record not found"}
	}
	return a, nil
}

// describe answers what is known of an account, with its credentials if they were asked for.
func (s *StandIn) describe(w http.ResponseWriter, c *call) *refusal {
	a, refused := s.account(c.subject)
	if refused != nil {
		return refused
	}
	told := maps.Clone(a.fields)
	if c.query["include_credentials"] == "" {
		delete(told, "credentials")
	}
	var body any = told
	if s.now().Enveloped {
		body = map[string]any{"data": told}
	}
	answer(w, http.StatusOK, body)
	return nil
}
