package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// UnmarshalJSON implements json.Unmarshaler. It refuses bounds that are stated and empty, which in
// a struct look as if they had been left out, and then would mean no bound; and fields that do not
// exist, as Caddy does for its modules.
func (a *App) UnmarshalJSON(raw []byte) error {
	type plain App
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode((*plain)(a)); err != nil {
		return err
	}
	return checkStated(raw)
}

// stated is a JSON object with its members as they are written.
type stated map[string]json.RawMessage

// statedBounds are the objects of a configuration that state bounds.
type statedBounds struct {
	Tenants        []stated `json:"tenants"`
	TenantDefaults stated   `json:"tenant_defaults"`
	OAuthClients   []stated `json:"oauth_clients"`
}

// checkStated expects the JSON of an App that could be decoded.
func checkStated(raw []byte) error {
	var b statedBounds
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	for _, t := range b.Tenants {
		if err := t.checkPolicy(); err != nil {
			return fmt.Errorf("tenant %s: %w", t.text("id"), err)
		}
	}
	if err := b.TenantDefaults.checkPolicy(); err != nil {
		return fmt.Errorf("tenant_defaults: %w", err)
	}
	for _, c := range b.OAuthClients {
		if err := c.check("tenant", "scopes"); err != nil {
			return fmt.Errorf("oauth_client %s: %w", c.text("app"), err)
		}
	}
	return nil
}

// checkPolicy checks the bounds of a tenant, or of all.
func (o stated) checkPolicy() error {
	if err := o.check("source", "capabilities", "apps", "rules", "max_body", "max_in_flight", "budgets"); err != nil {
		return err
	}
	var inside struct {
		Rules   []stated `json:"rules"`
		Budgets stated   `json:"budgets"`
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &inside); err != nil {
		return err
	}
	for i, r := range inside.Rules {
		if err := r.check("app", "deny", "methods", "path"); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	if err := inside.Budgets.check("token", "api", "connection", "apps"); err != nil {
		return fmt.Errorf("budgets: %w", err)
	}
	for member, value := range inside.Budgets {
		if strings.EqualFold(member, "apps") {
			if err := checkEach(value); err != nil {
				return fmt.Errorf("budgets: apps: %w", err)
			}
		}
	}
	return nil
}

// checkEach is check for all members of an object.
func checkEach(raw json.RawMessage) error {
	var o stated
	if err := json.Unmarshal(raw, &o); err != nil {
		return err
	}
	return o.check(slices.Sorted(maps.Keys(o))...)
}

// check reports the first of names that is a member and says nothing. encoding/json takes a
// member's name in any case.
func (o stated) check(names ...string) error {
	for _, name := range names {
		for member, value := range o {
			if strings.EqualFold(member, name) && saysNothing(value) {
				return fmt.Errorf("%s is empty, which would mean no bound: write a value, or leave it out", name)
			}
		}
	}
	return nil
}

// text is a member for messages, in quotes.
func (o stated) text(name string) string {
	var text string
	_ = json.Unmarshal(o[name], &text) // the struct has it
	return fmt.Sprintf("%q", text)
}

// saysNothing reports whether a value is null, text of nothing or white space, or a list or object
// that is empty or has such an element.
func saysNothing(raw json.RawMessage) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false // what is no JSON is refused elsewhere
	}
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return isBlank(v)
	case map[string]any:
		return len(v) == 0
	case []any:
		for _, element := range v {
			if text, ok := element.(string); element == nil || ok && isBlank(text) {
				return true
			}
		}
		return len(v) == 0
	}
	return false
}
