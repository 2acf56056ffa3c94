package pipedream

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// Account is one that an end user has connected. What the API says of it can be bent field by field; what the proxy goes by cannot.
type Account struct {
	ID, User, App string
	// Inject are the headers that the proxy adds, by which the API behind it knows the account.
	Inject http.Header
	// Origin is the scheme, host and port of that API. The proxy adds Inject to calls of no other; if empty, to none.
	Origin string

	fields map[string]any
}

// OAuth makes an account whose access token is token.
func OAuth(id, user, app, token string) *Account {
	return account(id, user, app, "oauth", http.Header{"Authorization": {"Bearer " + token}}, []string{}, map[string]any{
		"oauth_client_id":     "client-of-" + app,
		"oauth_access_token":  token,
		"oauth_refresh_token": "refresh-" + token,
		"oauth_uid":           "uid-" + user,
	})
}

// Keys makes an account of an app that asks for keys: name and value in turn. The API behind the proxy gets the first as a bearer.
func Keys(id, user, app string, pairs ...string) *Account {
	credentials := make(map[string]any)
	var names []string
	for i := 0; i+1 < len(pairs); i += 2 {
		names = append(names, pairs[i])
		credentials[pairs[i]] = pairs[i+1]
	}
	return account(id, user, app, "keys", http.Header{"Authorization": {"Bearer " + pairs[1]}}, names, credentials)
}

func account(id, user, app, authType string, inject http.Header, customFields []string, credentials map[string]any) *Account {
	type customField struct {
		Name  string `json:"name"`
		Label string `json:"label"`
		Type  string `json:"type"`
	}
	custom := []customField{}
	for _, name := range customFields {
		custom = append(custom, customField{name, strings.ToUpper(name), "string"})
	}
	asText, _ := json.Marshal(custom) // strings only
	return &Account{ID: id, User: user, App: app, Inject: inject, fields: map[string]any{
		"id": id, "name": "Account of " + user, "external_id": user, "healthy": true, "dead": false,
		"app":   map[string]any{"name_slug": app, "auth_type": authType, "custom_fields_json": string(asText)},
		"error": nil, "expires_at": nil, "credentials": credentials,
	}}
}

// Set makes the API say value at path, whose names are parted by dots: nil is null, and the wrong type is taken too. Call it before
// [StandIn.Put].
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

// Behind names the origin of the API that the proxy may call for the account.
func (a *Account) Behind(origin string) *Account {
	a.Origin = origin
	return a
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
		return nil, &refusal{status: http.StatusNotFound, text: "account not found"}
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
