package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const globalOptions = `{
	admin %ADMIN%
	persist_config off
	auto_https off
	log {
		level ERROR
	}
`

// accessLog is the directive for it, or nothing.
func (s *stage) accessLog(name string, u setup) string {
	if !u.log {
		return ""
	}
	file := strings.ReplaceAll(filepath.Join(s.dir, name+".access.log"), " ", "-")
	return fmt.Sprintf("\tlog {\n\t\toutput file %q\n\t}\n", file)
}

// transportOf is the block of a reverse_proxy that reaches an upstream with as many kept
// connections as Vendgate keeps.
func (s *stage) transportOf(p protocol) string {
	trust := ""
	if p != inClear {
		trust = fmt.Sprintf("\t\t\ttls_trust_pool file %q\n", filepath.Join(s.dir, certName))
	}
	return "\t\ttransport http {\n\t\t\tkeepalive_idle_conns_per_host 256\n\t\t\tcompression off\n" + trust + "\t\t}\n"
}

// openCaddy starts a Caddy of the standard modules alone, built without a profile of ours.
func (s *stage) openCaddy(name string, u setup) (*contender, error) {
	site := ""
	switch name {
	case respond:
		site = fmt.Sprintf("\theader Content-Type application/json\n\trespond %q\n", strings.Repeat("a", 1024))
	case reverseProxy:
		site = fmt.Sprintf("\treverse_proxy %s {\n\t\theader_up Authorization %q\n%s\t}\n", s.origin(u.upstream),
			"Bearer "+token, s.transportOf(u.upstream))
	case forwardAuth:
		site = fmt.Sprintf("\tforward_auth %s {\n\t\turi /vend\n\t\tcopy_headers X-Vended>Authorization\n%s\t}\n"+
			"\treverse_proxy %s {\n%s\t}\n", s.auth, s.transportOf(inClear), s.origin(u.upstream), s.transportOf(u.upstream))
	}
	addr := freeAddr()
	c := &contender{name: name, addr: addr, paths: []string{u.path}}
	return c, s.runCaddy(c, s.caddy, globalOptions+"}\nhttp://"+addr+" {\n"+s.accessLog(name, u)+site+"}\n")
}

// runCaddy starts binary with a configuration; %ADMIN% in it becomes the admin address.
func (s *stage) runCaddy(c *contender, binary, config string) error {
	cmd, err := s.caddyCommand(c, binary, config)
	if err != nil {
		return err
	}
	if c.cmd, err = s.start(cmd, c.admin); err != nil {
		return err
	}
	c.pids = []int{c.cmd.Process.Pid}
	return nil
}

func (s *stage) caddyCommand(c *contender, binary, config string) (*exec.Cmd, error) {
	c.admin = freeAddr()
	file, err := write(s.dir, c.name+".caddyfile", strings.ReplaceAll(config, "%ADMIN%", c.admin))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "VG_KEY="+s.key, "VG_TOKEN="+token, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	return cmd, nil
}
