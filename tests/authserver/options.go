package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	// listen is a loopback address and a port; port 0 takes a free one.
	listen string
	// accessTTL is how long access tokens are valid, in whole seconds.
	accessTTL time.Duration
	// delay goes by between the work of the token endpoint and its answer, so that a test can end a
	// client that has lost a rotation.
	delay time.Duration
	// redirects are the registered redirect URIs.
	redirects list
	// scopes are the scopes that the client may ask for.
	scopes list
}

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func parseOptions(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("authserver", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` to listen on")
	flags.DurationVar(&o.accessTTL, "access-ttl", time.Minute, "how long access tokens are valid, in whole seconds")
	flags.DurationVar(&o.delay, "delay", 0, "how long the token endpoint holds back an answer that is ready")
	flags.Var(&o.redirects, "redirect", "redirect `URI` of the client, compared byte by byte; repeatable")
	flags.Var(&o.scopes, "scope", "`scope` that the client may ask for; repeatable (default read and write)")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("reading flags: %w", err)
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("reading flags: %q is no flag", flags.Arg(0))
	}
	if len(o.scopes) == 0 {
		o.scopes = list{"read", "write"}
	}
	return o, o.check()
}

func (o options) check() error {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return fmt.Errorf("reading -listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("-listen %s: only a loopback address, because anyone who reaches this server may mint grants",
			o.listen)
	}
	// fosite rounds expiries to seconds: half a second could end before it began.
	if o.accessTTL < time.Second || o.accessTTL%time.Second != 0 {
		return fmt.Errorf("-access-ttl %s: write whole seconds, at least one", o.accessTTL)
	}
	if o.delay < 0 {
		return fmt.Errorf("-delay %s: write no negative time", o.delay)
	}
	return nil
}
