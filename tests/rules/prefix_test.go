package rules

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestTelegramFiles: a bot's files are below another path prefix than its methods, and rules see
// the path as callers write it (https://core.telegram.org/bots/api#getfile).
func TestTelegramFiles(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	secret := harness.Secret(t, "TELEGRAM_TOKEN", "123:canary")
	g := harness.Start(t, "app telegram-bot {\nupstream http://"+up.Addr+"\nallow_http\nallow_private 127.0.0.0/8\n}\n"+
		"source static {\nconnection c0 {\ntenant t0\napp telegram-bot\nfield token "+secret+"\n}\n}\n"+
		"tenant t0 {\nkey_sha256 "+digestOf(0)+"\nrule telegram-bot deny /file/documents/**\n}\n")
	for path, want := range map[string]string{
		"/getMe":                  "GET /bot123:canary/getMe HTTP/1.1\r\n",
		"/file/photos/file_1.jpg": "GET /file/bot123:canary/photos/file_1.jpg HTTP/1.1\r\n",
		"/file/documents/a.pdf":   "",
		"/%66ile/documents/a.pdf": "",
	} {
		answer := g.Raw(documented{App: "telegram-bot", Method: "GET", Path: path}.text("c0", keyOf(0)))
		got := strings.Join(up.Got(), "\n")
		if want == "" && (got != "" || !strings.Contains(answer, "Vendgate-Code: policy_denied\r\n")) ||
			!strings.HasPrefix(got, want) {
			t.Errorf("%s: the provider got %.200q, the caller %.200q", path, got, answer)
		}
	}
}
