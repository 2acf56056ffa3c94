package pipedream_test

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestEndUserByExternalID: an opaque id names the end user where the configuration says so, byte
// for byte, and an address does not.
func TestEndUserByExternalID(t *testing.T) {
	s := newStage(t, options(), "end_user external_id")
	for _, id := range []string{"user-1", "7f3c", "A/b?c=d&e=+%41#~", harness.Alice} {
		s.pd.Put(pipedream.OAuth(opened, id, "chat", oauthToken).Behind(s.origin))
		s.pd.Put(pipedream.OAuth(sealed, id, "chat", hidden).Behind(s.origin).Drop("credentials"))
		before := len(s.pd.Got(pipedream.Proxy))
		for _, account := range []string{opened, sealed} {
			got, sent := s.call("GET", "/proxy/"+account+"/chat/x", "", "X-User-Email:", "X-External-User-Id: "+id), s.up.Got()
			if got.status != 200 || len(sent) != 1 || strings.Contains(sent[0], id) ||
				strings.Contains(strings.ToLower(sent[0]), "external") {
				t.Errorf("%s: %s; the provider got %q", id, got, sent)
			}
			s.refused("in other letters", s.call("GET", "/proxy/"+account+"/chat/x", "", "X-User-Email:",
				"X-External-User-Id: x"+id), 404, "connection_deleted")
		}
		if _, requests := s.through(before); len(requests) != 1 || requests[0].URL.Query().Encode() != query(sealed, id) {
			t.Errorf("%s: through the proxy %v", id, requests)
		}
	}
	s.refused("no id", s.call("GET", "/proxy/"+opened+"/chat/x", "", "X-User-Email:"), 400, "invalid_user_email")
	s.refused("an address instead", s.call("GET", "/proxy/"+opened+"/chat/x", ""), 400, "invalid_user_email")
	s.refused("not ASCII", s.call("GET", "/proxy/"+opened+"/chat/x", "", "X-External-User-Id: é"), 400,
		"invalid_user_email")
	s.refused("too long", s.call("GET", "/proxy/"+opened+"/chat/x", "", "X-External-User-Id: "+strings.Repeat("a", 255)),
		400, "invalid_user_email")
}

// TestEndUserByEmail: an address names the end user, whatever its case; an id does not, and reaches
// nobody.
func TestEndUserByEmail(t *testing.T) {
	s := newStage(t, options())
	s.fine("in capitals", s.call("GET", "/proxy/"+opened+"/chat/x", "", "X-User-Email: ALICE@Example.com"))
	s.fine("in capitals, by the proxy", s.call("GET", "/proxy/"+sealed+"/chat/x", "", "X-User-Email: ALICE@Example.com"))
	s.pd.Put(pipedream.OAuth("apn_capital", "Alice@Example.com", "chat", oauthToken).Behind(s.origin))
	s.pd.Put(pipedream.OAuth("apn_capital_sealed", "Alice@Example.com", "chat",
		hidden).Behind(s.origin).Drop("credentials"))
	s.fine("in capitals there", s.get("apn_capital", "chat"))
	s.fine("in capitals there, by the proxy", s.get("apn_capital_sealed", "chat"))
	s.refused("another's", s.call("GET", "/proxy/"+opened+"/chat/x", "", "X-User-Email: "+harness.Bob,
		"X-External-User-Id: "+harness.Alice), 404, "connection_deleted")
	s.refused("none", s.call("GET", "/proxy/"+opened+"/chat/x", "", "X-User-Email:", "X-External-User-Id: "+harness.Alice),
		400, "invalid_user_email")
}

// TestNamesOfTheirs: apps and fields may be called otherwise there.
func TestNamesOfTheirs(t *testing.T) {
	s := newStage(t, options(), "app chat chat_v2", "app key open_key apikey=api_key")
	s.pd.Put(pipedream.OAuth("apn_v2", harness.Alice, "chat_v2", oauthToken).Behind(s.origin))
	s.pd.Put(pipedream.Keys("apn_open_key", harness.Alice, "open_key", "apikey", apiKey).Behind(s.origin))
	s.fine("an app", s.get("apn_v2", "chat"))
	got, sent := s.get("apn_open_key", "key"), s.up.Got()
	if got.status != 200 || len(sent) != 1 || !strings.Contains(sent[0], "\r\nX-Api-Key: "+apiKey+"\r\n") {
		t.Errorf("a field: %s; the provider got %d requests", got, len(sent))
	}
	s.refused("under its old name", s.get(opened, "chat"), 400, "app_mismatch")
	s.pd.Put(pipedream.Keys("apn_less", harness.Alice, "open_key", "other", apiKey).Behind(s.origin))
	if got := s.get("apn_less", "key"); got.status < 500 {
		t.Errorf("without its field: %s", got)
	}
}
