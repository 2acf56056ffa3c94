package hostaddress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// TestKeyInPlace: a caller key where the app's own libraries put the credential, at the app's host.
func TestKeyInPlace(t *testing.T) {
	var addr string
	s := prepare(t)
	addr = s.up.Addr
	bot := fmt.Sprintf("app bot {\n auth_type api_key\n field api_key \"API key\" secret\n path_prefix /bot{api_key}\n "+
		"allow_http\n allow_private 127.0.0.0/8\n upstream http://%s/v1\n}\n", addr)
	s.start(bot)
	key := s.mint(s.connect("bot", credential), nil)
	a := s.raw("GET /v1/bot"+key+"/getMe?x=1 HTTP/1.1", "Host: bot."+domain)
	if a.status != 200 || len(a.up) != 1 ||
		!strings.HasPrefix(a.up[0], "GET /v1/bot"+credential+"/getMe?x=1 HTTP/1.1\r\nHost: "+addr+"\r\n") {
		t.Errorf("answered %d %s, and the upstream got %q", a.status, a.body, a.up)
	}
	a = s.raw("GET /v1/x HTTP/1.1", "Host: key."+domain, "X-Api-Key: "+s.key)
	s.mustSend(a, "GET /v1/x", a.up, s.up.Addr)
	a = s.raw("GET /v1/x HTTP/1.1", "Host: key--files."+domain, "X-Api-Key: "+s.key)
	s.mustSend(a, "GET /v1/x", a.files, s.files.Addr)
	s.mustRefuse(s.raw("GET /v1/"+s.key+" HTTP/1.1", "Host: key."+domain, "X-Api-Key: "+s.key), vending.InvalidRequest, "")
	log := s.Log()
	if strings.Contains(log, key) || strings.Contains(log, s.key) {
		t.Error("the log has a key")
	}
}
