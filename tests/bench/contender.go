package main

import (
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// contender is one way to put a credential into a request.
type contender struct {
	name    string
	url     string
	headers map[string]string
	pid     int
	// pids are further processes whose CPU time is its own, like nginx's workers.
	pids []int
	// server is the process of its database server; 0 without one.
	server int
	// admin is where its memory statistics are; empty if it is not Caddy.
	admin string
	turns []turn
}

const globalOptions = `{
	admin %ADMIN%
	persist_config off
	auto_https off
	log {
		level ERROR
	}
`

const benchApp = `
	app bench {
		auth_type o_auth
		upstream http://%s
		oauth2 {
			token_url http://%s/token
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	tenant bench {
		key {env.VG_KEY}
		budget token unlimited
	}
`

// contenders starts all of them.
func (s *stage) contenders() ([]*contender, error) {
	local := "data_dir \"" + s.data + "\"\n"
	id, err := s.importConnection(local)
	if err != nil {
		return nil, err
	}
	list := []*contender{}
	add := func(c *contender, err error) error {
		if err == nil {
			err = works(c)
		}
		if err != nil {
			return fmt.Errorf("starting %s: %w", c.name, err)
		}
		list = append(list, c)
		return nil
	}
	static := "source static {\n connection c1 {\n tenant bench\n app bench\n field access_token {env.VG_TOKEN}\n }\n }\n"
	platform := "source platform {\n url http://" + s.platform +
		"/platform/v1\n key {env.VG_KEY}\n allow_http\n allow_private 127.0.0.0/8\n }\n"
	for _, v := range []struct{ name, id, source string }{{"static", "c1", static}, {"local", id, local},
		{"platform", "c1", platform}} {
		if err := add(s.gateway("vendgate, source "+v.name, v.id, v.source)); err != nil {
			return nil, err
		}
	}
	if *postgres != 0 {
		if err := add(s.onPostgres()); err != nil {
			return nil, err
		}
	}
	if err := add(s.reverseProxy()); err != nil {
		return nil, err
	}
	if err := add(s.forwardAuth()); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("nginx"); err == nil {
		if err := add(s.nginx()); err != nil {
			return nil, err
		}
	}
	return list, add(s.plain())
}

// onPostgres is the local source on PostgreSQL.
func (s *stage) onPostgres() (*contender, error) {
	store := "store {\n postgres {env.DATABASE_URL}\n key_encryption_key {env.VENDGATE_KEK}\n }\n"
	id, err := s.importConnection(store)
	if err != nil {
		return nil, err
	}
	c, err := s.gateway("vendgate, source local on PostgreSQL", id, store)
	c.server = *postgres
	return c, err
}

// importConnection stores the connection of the local source; its token outlives the run.
func (s *stage) importConnection(store string) (string, error) {
	config, err := write(s.dir, "import.caddyfile",
		strings.ReplaceAll(globalOptions, "%ADMIN%", "off")+"vendgate {\n"+store+
			fmt.Sprintf(benchApp, s.upstream, s.upstream)+"}\n}\n")
	if err != nil {
		return "", err
	}
	expiry := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	id, err := s.vendgate(fmt.Sprintf(`{"access_token":%q,"refresh_token":"r","expires_at":%q}`, token, expiry),
		"connection", "import", "--config", config, "--adapter", "caddyfile", "--tenant", "bench", "--user",
		"alice@example.com", "--app", "bench")
	return strings.TrimSpace(id), err
}

func (s *stage) gateway(name, id, source string) (*contender, error) {
	addr := freeAddr()
	c := &contender{
		name: name, url: "http://" + addr + "/proxy/" + id + "/bench/v1/users/me/messages",
		headers: map[string]string{"Authorization": "Bearer " + s.key, "x-user-email": "alice@example.com"},
	}
	var err error
	c.pid, c.admin, err = s.caddy(strings.ReplaceAll(name, " ", "-"), globalOptions+"vendgate {\n"+source+
		fmt.Sprintf(benchApp, s.upstream, s.upstream)+"}\n}\nhttp://"+addr+" {\n vendgate_proxy\n}\n")
	return c, err
}

func (s *stage) reverseProxy() (*contender, error) {
	addr := freeAddr()
	c := &contender{name: "caddy reverse_proxy, header_up", url: "http://" + addr + "/v1/users/me/messages"}
	var err error
	c.pid, c.admin, err = s.caddy("reverse-proxy",
		globalOptions+"}\nhttp://"+addr+" {\n reverse_proxy "+s.upstream+" {\n header_up Authorization \"Bearer "+token+
			"\"\n transport http {\n keepalive_idle_conns_per_host 256\n compression off\n }\n }\n}\n")
	return c, err
}

func (s *stage) forwardAuth() (*contender, error) {
	addr := freeAddr()
	c := &contender{name: "caddy forward_auth + reverse_proxy", url: "http://" + addr + "/v1/users/me/messages"}
	var err error
	pool := " transport http {\n keepalive_idle_conns_per_host 256\n compression off\n }\n"
	c.pid, c.admin, err = s.caddy("forward-auth", globalOptions+"}\nhttp://"+addr+" {\n forward_auth "+s.auth+
		" {\n uri /vend\n copy_headers X-Vended>Authorization\n"+pool+" }\n reverse_proxy "+s.upstream+" {\n"+pool+" }\n}\n")
	return c, err
}

func (s *stage) plain() (*contender, error) {
	addr := freeAddr()
	c := &contender{name: "plain httputil.ReverseProxy", url: "http://" + addr + "/v1/users/me/messages"}
	cmd, err := s.start(self("proxy", addr, "http://"+s.upstream), addr)
	if err == nil {
		c.pid = cmd.Process.Pid
	}
	return c, err
}

func (s *stage) nginx() (*contender, error) {
	addr := freeAddr()
	c := &contender{name: "nginx auth_request", url: "http://" + addr + "/v1/users/me/messages"}
	config, err := write(s.dir, "nginx.conf", fmt.Sprintf(`
daemon off; worker_processes 2; pid %[1]s/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path %[1]s/nb; proxy_temp_path %[1]s/np;
  fastcgi_temp_path %[1]s/nf; uwsgi_temp_path %[1]s/nu; scgi_temp_path %[1]s/ns;
  upstream u { server %[2]s; keepalive 256; }
  upstream a { server %[3]s; keepalive 256; }
  server {
    listen %[4]s;
    location / {
      auth_request /vend; auth_request_set $vended $upstream_http_x_vended;
      proxy_set_header Authorization $vended; proxy_set_header Connection "";
      proxy_http_version 1.1; proxy_pass http://u;
    }
    location = /vend {
      internal; proxy_pass http://a; proxy_pass_request_body off;
      proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_http_version 1.1;
    }
  }
}
`, s.dir, s.upstream, s.auth, addr))
	if err != nil {
		return c, err
	}
	cmd, err := s.start(exec.Command("nginx", "-c", config, "-p", s.dir), addr)
	if err == nil {
		c.pid = cmd.Process.Pid
		c.pids = children(c.pid)
	}
	return c, err
}
