package redislimit

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
)

func TestURL(t *testing.T) {
	for text, ok := range map[string]bool{
		"redis://localhost":                                                             true,
		"redis://user:hunter2@localhost:6379/0":                                         true,
		"rediss://:hunter2@localhost:6379/1":                                            true,
		"unix://user:hunter2@/run/redis.sock?db=1":                                      true,
		"redis+cluster://u:hunter2@a:6379?addr=b:6379":                                  true,
		"rediss+cluster://u:hunter2@a:6379":                                             true,
		"redis+sentinel://u:hunter2@a:26379/0?master_name=m":                            true,
		"redis+sentinel://a:26379?master_name=m&sentinel_password=hunter2&addr=b:26379": true,
		"":                                   false,
		"hunter2":                            false,
		"localhost:6379":                     false,
		"redis://":                           false,
		"http://user:hunter2@localhost":      false,
		"redis://user:hunter2@localhost/x":   false,
		"redis://user:hunter2%@localhost":    false,
		"redis://user:hunt er2@localhost":    false,
		"redis://localhost?hunter2=1":        false,
		"redis+sentinel://u:hunter2@a:26379": false,
	} {
		t.Run(text, func(t *testing.T) {
			l, err := New(Options{URL: text})
			if err == nil {
				defer l.Close()
			}
			if (err == nil) != ok {
				t.Fatal(err)
			}
			if err != nil && (!errors.Is(err, ErrURL) || strings.Contains(err.Error(), "hunter2")) {
				t.Error(err)
			}
		})
	}
}

// replyAll serves a Redis that answers each command with the same.
func replyAll(t *testing.T, reply string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buffer := make([]byte, 4096)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					answer := reply
					if strings.Contains(strings.ToLower(string(buffer[:n])), "hello") {
						answer = "-ERR unknown command\r\n"
					}
					if _, err := io.WriteString(conn, strings.Repeat(answer, strings.Count(string(buffer[:n]), "*"))); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "redis://" + listener.Addr().String()
}

func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

// TestStartRefused: a mistake in the configuration stops the start, says what to do, and never
// shows the password.
func TestStartRefused(t *testing.T) {
	server := services.Redis(t)
	replica := services.Redis(t)
	host, port, _ := net.SplitHostPort(server.Addr)
	replica.Do("CONFIG", "SET", "masterauth", server.Password)
	replica.Do("REPLICAOF", host, port)
	server.Do("ACL", "SETUSER", "weak", "on", ">hunter2", "~*", "+@connection", "+info")
	server.Do("ACL", "SETUSER", "blind", "on", ">hunter2", "~vendgate:*", "+@all", "-info")
	with := func(user *url.Userinfo, addr string) string {
		return (&url.URL{Scheme: "redis", User: user, Host: addr}).String()
	}
	for name, c := range map[string]struct{ url, want string }{
		"right":          {server.URL, ""},
		"no INFO":        {with(url.UserPassword("blind", "hunter2"), server.Addr), ""},
		"wrong password": {with(url.UserPassword("", "hunter2"), server.Addr), "refuses the user or the password"},
		"wrong user":     {with(url.UserPassword("other", "hunter2"), server.Addr), "refuses the user or the password"},
		"no password":    {with(nil, server.Addr), "refuses the user or the password"},
		"no right":       {with(url.UserPassword("weak", "hunter2"), server.Addr), "lacks a right: permit it +eval"},
		"no database":    {server.URL[:len(server.URL)-1] + "99", "DB index is out of range"},
		"replica":        {replica.URL, "read-only replica: name the primary"},
		"too old":        {replyAll(t, bulk("redis_version:6.0.16\r\n")), "Redis 6.0.16 is too old: run Redis 6.2 or later"},
		"no TLS":         {"rediss" + server.URL[len("redis"):], "does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := newLimiter(t, c.url, nil, Options{})
			err := l.Start(t.Context())
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var config *ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), server.Password) {
				t.Error("the message has the password")
			}
		})
	}
}

// TestStartDuringOutage: a gateway starts while Redis is away, and shares budgets once it is back.
func TestStartDuringOutage(t *testing.T) {
	server := services.Redis(t)
	server.Kill()
	l, log := started(t, server.URL, Local, time.Second)
	if l.Degraded() == "" || strings.Count(log.String(), "Redis is away") != 1 {
		t.Errorf("degraded: %q, log:\n%s", l.Degraded(), log)
	}
	// How many nodes there are is not known, so that the part of each is a small one.
	acme := tenant(l, "acme", policy.Budgets{Token: 600})
	if !spend(t, l, acme, time.Now()) || spend(t, l, acme, time.Now()) {
		t.Error("a bucket that is not known begins with one unit")
	}
	server.Start()
	eventually(t, "budgets are not shared", func() bool { return l.Degraded() == "" })
	eventually(t, "the node is not announced", func() bool { return l.nodes.Load() == 1 })
}

// TestEviction: a policy by which Redis drops budgets is warned of.
func TestEviction(t *testing.T) {
	for how, warned := range map[string]bool{"noeviction": false, "allkeys-lru": true, "volatile-ttl": true} {
		t.Run(how, func(t *testing.T) {
			server := services.Redis(t, "--maxmemory-policy", how)
			_, log := started(t, server.URL, Local, patient)
			if strings.Contains(log.String(), "maxmemory-policy noeviction") != warned {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// TestNodes: each node knows how many there are, and one that leaves in order counts no more.
func TestNodes(t *testing.T) {
	server := services.Redis(t)
	a, _ := started(t, server.URL, Local, patient)
	b, _ := started(t, server.URL, Local, patient)
	eventually(t, "there are two", func() bool { return a.Nodes() == 2 && b.Nodes() == 2 })
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "one has left", func() bool { return a.Nodes() == 1 })
}

// TestNonsense: something else in Redis's place cannot grant without a bound, nor keep a call
// asking.
func TestNonsense(t *testing.T) {
	for name, reply := range map[string]string{
		"a boundless grant":    "*5\r\n:1\r\n:1000000\r\n:0\r\n:0\r\n:1\r\n",
		"a negative grant":     "*5\r\n:1\r\n:-5\r\n:0\r\n:0\r\n:1\r\n",
		"no unit, and no wait": "*5\r\n:1\r\n:0\r\n:0\r\n:0\r\n:1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := newLimiter(t, replyAll(t, reply), nil, Options{})
			acme, passed := tenant(l, "acme", policy.Budgets{Token: 60}), 0
			for range 100 {
				if spend(t, l, acme, time.Now()) {
					passed++
				}
			}
			if passed > 20 || l.Degraded() == "" {
				t.Errorf("%d passed; degraded: %q", passed, l.Degraded())
			}
		})
	}
}
