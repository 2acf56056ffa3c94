package main

import (
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const nginxConfig = `
daemon off; worker_processes %[6]d; pid %[1]s/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path %[1]s/nb; proxy_temp_path %[1]s/np;
  fastcgi_temp_path %[1]s/nf; uwsgi_temp_path %[1]s/nu; scgi_temp_path %[1]s/ns;
  keepalive_requests 1000000000;
  upstream u { server %[2]s; keepalive 256; keepalive_requests 1000000000; }
  upstream a { server %[3]s; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen %[4]s;
    location / {
      auth_request /vend; auth_request_set $vended $upstream_http_x_vended;
      proxy_set_header Authorization $vended; proxy_set_header Connection "";
      proxy_http_version 1.1; proxy_pass http://u; proxy_buffering %[5]s;
    }
    location = /vend {
      internal; proxy_pass http://a; proxy_pass_request_body off;
      proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_http_version 1.1;
    }
  }
}
`

// nginxWorkers is as many as there are cores on the machine of RESULTS.md.
const nginxWorkers = 2

// openNginx starts nginx with an upstream without TLS: Debian's version speaks no HTTP/2 to one.
func (s *stage) openNginx(u setup) (*contender, error) {
	buffering := "on"
	if u.path == pacedEvents {
		buffering = "off" // or events wait until a buffer is full
	}
	addr := freeAddr()
	config, err := write(s.dir, "nginx.conf",
		fmt.Sprintf(nginxConfig, s.dir, s.upstreams[inClear], s.auth, addr, buffering, nginxWorkers))
	if err != nil {
		return nil, err
	}
	cmd, err := s.start(exec.Command("nginx", "-c", config, "-p", s.dir), addr)
	if err != nil {
		return nil, err
	}
	c := &contender{name: nginx, addr: addr, paths: []string{u.path}, cmd: cmd}
	return c, c.awaitWorkers()
}

// awaitWorkers waits for nginx's workers: it listens before it starts them, and they do the work.
func (c *contender) awaitWorkers() error {
	pid := c.cmd.Process.Pid
	for range 200 {
		if workers := children(pid); len(workers) == nginxWorkers {
			c.pids = append([]int{pid}, workers...)
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("nginx does not start its workers")
}
