package caddymodule_test

import (
	"maps"
	"reflect"
	"testing"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/policy"
)

// TestTenantPolicyOver fills each field by itself, so that one that is forgotten in over is found,
// whichever it is.
func TestTenantPolicyOver(t *testing.T) {
	five, seven := 5, 7
	mine := caddymodule.TenantPolicy{
		Source: "mine", Capabilities: []string{"token"}, Apps: []string{"gmail"}, Rules: []policy.Rule{{App: "gmail"}},
		MaxBody: 5, MaxInFlight: 5,
		Budgets: caddymodule.Budgets{Token: &five, API: &five, Connection: &five, Apps: map[string]int{"gmail": 5}},
	}
	defaults := caddymodule.TenantPolicy{
		Source: "theirs", Capabilities: []string{"apps"}, Apps: []string{"slack"}, Rules: []policy.Rule{{App: "slack"}},
		MaxBody: 7, MaxInFlight: 7,
		Budgets: caddymodule.Budgets{Token: &seven, API: &seven, Connection: &seven, Apps: map[string]int{"slack": 7}},
	}
	joined := mine
	joined.Rules = []policy.Rule{{App: "gmail"}, {App: "slack"}}
	joined.Budgets.Apps = map[string]int{"gmail": 5, "slack": 7}
	var none caddymodule.TenantPolicy
	for name, tt := range map[string]struct{ p, defaults, want caddymodule.TenantPolicy }{
		"nothing stated":      {none, defaults, defaults},
		"no defaults":         {mine, none, mine},
		"everything stated":   {mine, defaults, joined},
		"nothing of anything": {none, none, none},
	} {
		if got := tt.p.Over(tt.defaults); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
	v := reflect.ValueOf(mine)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the test states no %s", v.Type().Field(i).Name)
		}
		partly := reflect.New(v.Type()).Elem()
		partly.Field(i).Set(v.Field(i))
		got := reflect.ValueOf(partly.Interface().(caddymodule.TenantPolicy).Over(defaults))
		for j := range got.NumField() {
			want := reflect.ValueOf(defaults).Field(j)
			if i == j {
				want = reflect.ValueOf(joined).Field(j)
			}
			if !reflect.DeepEqual(got.Field(j).Interface(), want.Interface()) {
				t.Errorf("only %s stated: %s = %v", v.Type().Field(i).Name, v.Type().Field(j).Name, got.Field(j))
			}
		}
	}
}

// TestJoinedOver: what the defaults deny stays denied for a tenant with rules of its own, and its
// own budget for an app wins.
func TestJoinedOver(t *testing.T) {
	own := caddymodule.TenantPolicy{
		Rules:   []policy.Rule{{App: "gmail", Methods: []string{"GET"}}},
		Budgets: caddymodule.Budgets{Apps: map[string]int{"gmail": 5, "openai": 0}},
	}
	defaults := caddymodule.TenantPolicy{
		Rules:   []policy.Rule{{App: "*", Deny: true, Path: "/admin/**"}},
		Budgets: caddymodule.Budgets{Apps: map[string]int{"gmail": 7, "openai": 7, "slack": 7}},
	}
	got := own.Over(defaults)
	rules := policy.Rules(got.Rules)
	for path, want := range map[string]bool{"/admin/users": false, "/messages": true} {
		if err := new(policy.Steering).Permit(policy.Call{App: "gmail", Method: "GET", Path: path},
			rules); (err == nil) != want {
			t.Errorf("GET %s: %v", path, err)
		}
	}
	if err := new(policy.Steering).Permit(policy.Call{App: "gmail", Method: "POST", Path: "/messages"},
		rules); err == nil {
		t.Error("the tenant's own rule does not count any more")
	}
	if want := map[string]int{"gmail": 5, "openai": 0, "slack": 7}; !maps.Equal(got.Budgets.Apps, want) {
		t.Errorf("budgets of apps %v, want %v", got.Budgets.Apps, want)
	}
	if len(own.Rules) != 1 || len(own.Budgets.Apps) != 2 || len(defaults.Rules) != 1 ||
		defaults.Budgets.Apps["gmail"] != 7 {
		t.Errorf("the configuration was changed: %+v, %+v", own, defaults)
	}
}

// TestUnlimitedOver: a tenant without a bound keeps none, whatever the defaults say.
func TestUnlimitedOver(t *testing.T) {
	zero, seven := 0, 7
	p := caddymodule.TenantPolicy{Budgets: caddymodule.Budgets{Token: &zero, API: &zero, Connection: &zero}}
	got := p.Over(caddymodule.TenantPolicy{Budgets: caddymodule.Budgets{Token: &seven, API: &seven,
		Connection: &seven}}).Budgets
	if *got.Token != 0 || *got.API != 0 || *got.Connection != 0 {
		t.Errorf("token %d, api %d, connection %d", *got.Token, *got.API, *got.Connection)
	}
}
