package policy

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestParseCapabilities(t *testing.T) {
	for name, c := range map[string]struct {
		names []string
		want  []Capability
		err   string
	}{
		"none":       {nil, nil, ""},
		"all":        {[]string{"apps", "connections", "token", "delete"}, AllCapabilities, ""},
		"in order":   {[]string{"token", "apps"}, []Capability{CapToken, CapApps}, ""},
		"twice":      {[]string{"token", "token"}, []Capability{CapToken}, ""},
		"unknown":    {[]string{"token", "admin"}, nil, `capability "admin"`},
		"other case": {[]string{"Token"}, nil, `capability "Token"`},
		"empty":      {[]string{""}, nil, `capability ""`},
		"star":       {[]string{"*"}, nil, `capability "*"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseCapabilities(c.names)
			if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil &&
				!strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestTenantMay(t *testing.T) {
	for name, c := range map[string]struct {
		tenant     Tenant
		can, calls bool // token; gmail
	}{
		"everything":      {Tenant{Capabilities: AllCapabilities}, true, true},
		"nothing":         {Tenant{Apps: []string{}}, false, false},
		"the app":         {Tenant{Apps: []string{"slack", "gmail"}}, false, true},
		"other apps":      {Tenant{Apps: []string{"slack", "Gmail", "gmail2", "*"}}, false, false},
		"the capability":  {Tenant{Capabilities: []Capability{CapToken}, Apps: []string{""}}, true, false},
		"others":          {Tenant{Capabilities: []Capability{CapApps, CapConnections, CapDelete}}, false, true},
		"the zero tenant": {Tenant{}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.tenant.Can(CapToken) != c.can || c.tenant.MayCall("gmail") != c.calls {
				t.Errorf("Can %t, MayCall %t", c.tenant.Can(CapToken), c.tenant.MayCall("gmail"))
			}
		})
	}
}

func TestCheckTenantID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "0": true, "acme": true, "acme-eu_2": true, "a-": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "_a": false, strings.Repeat("a", 64): false, "Acme": false, "ac me": false, "a.b": false,
		"a/b": false,
		"aéb": false, "a\n": false, "a\x00b": false, "a*": false, " a": false, "\u212A": false,
	} {
		t.Run(id, func(t *testing.T) {
			if err := CheckTenantID(id); (err == nil) != want {
				t.Errorf("%q: %v", id, err)
			}
		})
	}
}

func TestEnter(t *testing.T) {
	var a Usage
	for i, want := range []bool{true, true, true, false, false} {
		if a.Enter(3) != want {
			t.Errorf("enter %d: %t", i, !want)
		}
	}
	if a.InFlight() != 3 {
		t.Errorf("%d in flight", a.InFlight())
	}
	a.Leave()
	if !a.Enter(3) || a.Enter(3) {
		t.Error("a place that was left is no place")
	}
	if a.Enter(2) || !a.Enter(0) || !a.Enter(5) || a.Enter(5) {
		t.Error("a changed limit does not count who is there already")
	}
	if a.InFlight() != 5 {
		t.Errorf("%d in flight", a.InFlight())
	}
}

// TestEnterParallel: refusals neither count nor take anyone's place.
func TestEnterParallel(t *testing.T) {
	const callers, limit = 1000, 100
	var a Usage
	var wg sync.WaitGroup
	entered := make(chan bool, callers)
	for range callers {
		wg.Go(func() {
			entered <- a.Enter(limit)
			if n := a.InFlight(); n > limit {
				t.Errorf("%d in flight, limit %d", n, limit)
			}
		})
	}
	wg.Wait()
	close(entered)
	n := 0
	for ok := range entered {
		if ok {
			n++
		}
	}
	if n != limit || a.InFlight() != limit {
		t.Errorf("%d entered, %d in flight, want %d", n, a.InFlight(), limit)
	}
	for range limit {
		wg.Go(a.Leave)
	}
	wg.Wait()
	if a.InFlight() != 0 {
		t.Errorf("%d in flight after all left", a.InFlight())
	}
}
