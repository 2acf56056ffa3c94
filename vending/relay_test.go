package vending_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestNewRelayed(t *testing.T) {
	answer := &http.Response{StatusCode: http.StatusTeapot}
	relay := func(*http.Request) (*http.Response, error) { return answer, nil }
	c := vending.NewRelayed("gmail", vending.OAuth, canary, relay)
	if c.App != "gmail" || c.AuthType != vending.OAuth || c.IsZero() {
		t.Errorf("%s %s, zero %t", c.App, c.AuthType, c.IsZero())
	}
	if _, ok := c.Field(vending.AccessToken); ok {
		t.Error("it has an access token to be placed")
	}
	if res, err := c.Relay().RoundTrip(nil); res != answer || err != nil {
		t.Errorf("the relay answered %v, %v", res, err)
	}
	if !c.Equal(vending.NewRelayed("gmail", vending.OAuth, canary, nil)) ||
		c.Equal(vending.NewRelayed("gmail", vending.OAuth, "other", relay)) {
		t.Error("the pass does not decide whether two are equal")
	}
	if vending.NewOAuth("gmail", "t", "", c.Expiry).Relay() != nil {
		t.Error("an access token has a relay")
	}
	type keeper struct{ c vending.Credential }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if out := fmt.Sprintf(verb, keeper{c}) + fmt.Sprintf(verb, c); spilled(out) {
			t.Errorf("%s: %s", verb, out)
		}
	}
}
