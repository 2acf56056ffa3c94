package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const benchTenant = `	tenant bench {
		key {env.VG_KEY}
		budget token unlimited
	}
`

const user = "alice@example.com"

// app is the configuration of the one app, whose upstream is as p says.
func (s *stage) app(p protocol) string {
	allow := ""
	if p == inClear {
		allow = "\t\tallow_http\n"
	}
	origin := s.origin(p)
	return fmt.Sprintf("\tapp bench {\n\t\tauth_type o_auth\n\t\tupstream %s\n\t\toauth2 {\n\t\t\ttoken_url "+
		"%s/token\n\t\t}\n"+
		"%s\t\tallow_private 127.0.0.0/8\n\t}\n\tupstream {\n\t\ttrust_ca %s\n\t}\n", origin, origin, allow,
		filepath.Join(s.dir, certName))
}

func dataDir(dir string) string { return fmt.Sprintf("\tdata_dir %q\n", dir) }

const postgresStore = "\tstore {\n\t\tpostgres {env.DATABASE_URL}\n\t\tkey_encryption_key {env.VENDGATE_KEK}\n\t}\n"

// openVendgate starts the gateway with a source.
func (s *stage) openVendgate(name string, u setup) (*contender, error) {
	id, source := "c1", ""
	switch name {
	case static:
		source = "\tsource static {\n\t\tconnection c1 {\n\t\t\ttenant bench\n\t\t\tapp bench\n" +
			"\t\t\tfield access_token {env.VG_TOKEN}\n\t\t}\n\t}\n"
	case local:
		id, source = s.id, dataDir(s.data)
	case onPostgres:
		id, source = s.postgresID, postgresStore
	case platform:
		source = "\tsource platform {\n\t\turl http://" + s.platform +
			"/platform/v1\n\t\tkey {env.VG_KEY}\n\t\tallow_http\n\t\tallow_private 127.0.0.0/8\n\t}\n"
	}
	c := s.gateway(name, []string{id}, u.path)
	if name == onPostgres {
		c.server = *postgres
	}
	return c, s.runCaddy(c, s.binary, s.gatewayConfig(c, source+s.app(u.upstream), s.accessLog(name, u)))
}

// gateway is a contender that calls connections by ids.
func (s *stage) gateway(name string, ids []string, path string) *contender {
	c := &contender{name: name, addr: freeAddr(), headers: map[string]string{"Authorization": "Bearer " + s.key,
		"x-user-email": user}}
	for _, id := range ids {
		c.paths = append(c.paths, "/proxy/"+id+"/bench"+path)
	}
	return c
}

func (s *stage) gatewayConfig(c *contender, options, log string) string {
	return globalOptions + "vendgate {\n" + options + benchTenant + "}\n}\nhttp://" + c.addr + " {\n" + log +
		"\tvendgate_proxy\n}\n"
}

// vendgate runs a command of the binary with input on its standard input.
func (s *stage) vendgate(input string, args ...string) (string, error) {
	cmd := exec.Command(s.binary, args...)
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("vendgate %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// createTenant makes a store in dir with the tenant, and returns its key.
func (s *stage) createTenant(dir string) (string, error) {
	return s.vendgate("", "tenant", "create", "bench", "--email", "bench@example.com", "--data", dir)
}

// importConnection stores the connection of the local source; its token outlives the run.
func (s *stage) importConnection(store string) (string, error) {
	config, err := write(s.dir, "import.caddyfile", strings.ReplaceAll(globalOptions, "%ADMIN%", "off")+"vendgate {\n"+
		store+s.app(inClear)+"}\n}\n")
	if err != nil {
		return "", err
	}
	expiry := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	return s.vendgate(fmt.Sprintf(`{"access_token":%q,"refresh_token":"r","expires_at":%q}`, token, expiry),
		"connection", "import", "--config", config, "--adapter", "caddyfile", "--tenant", "bench", "--user", user,
		"--app", "bench")
}

var errPostgres = errors.New("-postgres needs DATABASE_URL and VENDGATE_KEK, see tests/bench/README.md")

// usePostgres imports the connection there, too.
func (s *stage) usePostgres() (err error) {
	if s.postgresID, err = s.importConnection(postgresStore); err != nil {
		err = fmt.Errorf("%w: %w", errPostgres, err)
	}
	return err
}
