package integration

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestLogUser: the customer's address is in the log as it is, as a pseudonym, or not at all,
// however it comes there.
func TestLogUser(t *testing.T) {
	pseudonym := regexp.MustCompile(`user-[0-9a-f]{20}`)
	var first string
	for _, mode := range []string{"plain", "off", "hash {env.VG_LOG_KEY}", "hash {env.VG_LOG_KEY}"} {
		t.Run(strings.Fields(mode)[0], func(t *testing.T) {
			harness.Secret(t, "VG_LOG_KEY", strings.Repeat("k", 32))
			up := harness.NewUpstream(t, func(string) string {
				return "HTTP/1.1 200 OK\r\nX-Account: alice@example.com\r\nContent-Length: 2\r\n\r\nok"
			})
			g := harness.Start(t, "log_user "+mode+"\ndata_dir \""+t.TempDir()+"\"\nsource local\ndefault_source static\n"+
				keyApp("http://"+up.Addr)+staticSource(t),
				"log\nlog_append who {vendgate.user}\nlog_append header {http.request.header.x-user-email}\n"+
					"log_append query {http.request.uri.query.user}\nvendgate_proxy\nvendgate_connect\nvendgate_not_found")
			for _, path := range []string{"/proxy/c1/key/users/alice@example.com", "/proxy/c1/key/x?user=alice%40example.com",
				"/proxy/none/key/alice%40Example.com", "/platform/v1/connections", "/platform/v1/connections/none",
				"/proxy/alice%40example.com/key/x", "/proxy/c1/key/x?q=from%3Aalice%40example.com%20is%3Aunread",
				"/connect/dashboard/connections?user=alice%40example.com", "/nothing?user=alice@example.com"} {
				g.Do(g.Request("GET", path, nil, "Referer: https://app.example/?u=alice@example.com"))
			}
			log := strings.ToLower(g.Log())
			told := strings.Contains(log, "alice@") || strings.Contains(log, "alice%40")
			if told != (mode == "plain") {
				t.Errorf("the address is in the log: %t", told)
				for _, line := range strings.Split(log, "\n") {
					if strings.Contains(line, "alice") && mode != "plain" {
						t.Log(line)
					}
				}
			}
			found := pseudonym.FindAllString(log, -1)
			if (len(found) > 0) != strings.HasPrefix(mode, "hash") {
				t.Errorf("%d pseudonyms", len(found))
			}
			for _, p := range found {
				if first == "" {
					first = p
				}
				if p != first {
					t.Errorf("one user is %s and %s", first, p)
				}
			}
			if n := strings.Count(log, `"logger":"http.log.access"`); n != 9 {
				t.Errorf("%d entries of 9 requests", n)
			}
		})
	}
}
