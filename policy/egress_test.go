package policy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestEgressPermits(t *testing.T) {
	for _, c := range []struct{ name, addrs, class string }{
		{"public IPv4",
			"1.1.1.1 8.8.8.8 93.184.216.34 223.255.255.255 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 " +
				"169.253.255.255 192.0.1.0 198.17.255.255 198.20.0.0 168.63.129.15", ""},
		{"public IPv6", "2606:4700:4700::1111 2001:4860:4860::8888 2001:200:: 2a00:1450:4001::1 3fff:1000::1", ""},
		{"public, mapped", "::ffff:1.1.1.1", ""},
		{"public by NAT64 and 6to4", "64:ff9b::101:101 64:ff9b::8.8.8.8 2002:101:101::1", ""},
		{"this network", "0.0.0.0 0.0.0.1 0.255.255.255 ::ffff:0.0.0.0", "this network"},
		{"private",
			"10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.1 192.168.255.255 ::ffff:10.0.0.1 ::ffff:c0a8:1",
			"private use"},
		{"carrier", "100.64.0.0 100.100.100.200 100.127.255.255", "shared by carrier"},
		{"loopback", "127.0.0.1 127.255.255.255 ::ffff:127.0.0.1 ::ffff:7f00:1 ::1", "loopback"},
		{"link-local", "169.254.0.0 169.254.169.254 169.254.255.255 ::ffff:169.254.169.254 fe80::1 febf:ffff::1",
			"link-local"},
		{"protocol assignment", "192.0.0.0 192.0.0.9 192.0.0.192 2001:1::1 2001:3::1 2001:1ff::1", "protocol assignment"},
		{"documentation", "192.0.2.1 198.51.100.255 203.0.113.0 2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff::1",
			"documentation"},
		{"6to4 relay", "192.88.99.1", "6to4 relay"},
		{"benchmarking", "198.18.0.0 198.19.255.255", "benchmarking"},
		{"multicast", "224.0.0.1 239.255.255.255 ff02::1 ff0e::1", "multicast"},
		{"reserved and broadcast", "240.0.0.0 255.255.255.255", "reserved"},
		{"Azure's platform", "168.63.129.16 ::ffff:168.63.129.16", "Azure's platform"},
		{"unspecified", "::", "unspecified"},
		{"IPv4-compatible", "::127.0.0.1 ::8.8.8.8 ::2", "IPv4-compatible"},
		{"NAT64 of private", "64:ff9b::10.0.0.1 64:ff9b::a00:1", "NAT64 of private use"},
		{"NAT64 of metadata", "64:ff9b::169.254.169.254", "NAT64 of link-local"},
		{"local NAT64", "64:ff9b:1::1 64:ff9b:1:ffff::8.8.8.8", "local NAT64"},
		{"6to4 of private", "2002:a00:1::1 2002:c0a8:101::1", "6to4 of private use"},
		{"6to4 of loopback", "2002:7f00:1::1", "6to4 of loopback"},
		{"Teredo", "2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"},
		{"ORCHID", "2001:10::1 2001:1f::1 2001:20::1 2001:2f:ffff::1", "ORCHID"},
		{"discard", "100::1", "discard"},
		{"segment routing", "5f00::1", "segment routing"},
		{"unique local", "fc00::1 fd00:ec2::254 fdff::1", "unique local"},
		{"site-local", "fec0::1 feff::1", "site-local"},
		{"unassigned IPv6", "100:0:0:1::1 1fff::1 4000::1 64:ff9b::1:0:0 ::1:0:0:0 ::fffe:8.8.8.8",
			"outside IPv6 global unicast"},
		{"zones", "fe80::1%eth0 2606:4700::1%eth0 ::ffff:8.8.8.8%eth0", "with a zone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for s := range strings.FieldsSeq(c.addrs) {
				addr := netip.MustParseAddr(s)
				checkEgress(t, addr, NewEgress().Permits(addr), c.class)
			}
		})
	}
	checkEgress(t, netip.Addr{}, NewEgress().Permits(netip.Addr{}), "no address")
}

// checkEgress expects an error of class, or none where class is empty.
func checkEgress(t *testing.T, addr netip.Addr, err error, class string) {
	t.Helper()
	var refusal *EgressError
	switch {
	case class == "" && err != nil:
		t.Errorf("%s: %v", addr, err)
	case class == "":
	case !errors.As(err, &refusal):
		t.Errorf("%s: error %v, want one of %q", addr, err, class)
	case refusal.Class != class || refusal.Addr != addr || !strings.Contains(err.Error(), "allow_private"):
		t.Errorf("%s: %v (class %q), want %q", addr, err, refusal.Class, class)
	}
}

func TestEgressAllows(t *testing.T) {
	for _, c := range []struct {
		name, allow, permitted, refused string
	}{
		{"a network", "10.0.0.0/8", "10.1.2.3 ::ffff:10.1.2.3 64:ff9b::10.1.2.3 8.8.8.8", "192.168.0.1 127.0.0.1 ::10.1.2.3"},
		{"an address", "127.0.0.1/32", "127.0.0.1 ::ffff:127.0.0.1", "127.0.0.2 ::1"},
		{"host bits are no matter", "10.1.2.3/8", "10.9.9.9", "192.168.0.1"},
		{"mapped prefix", "::ffff:10.0.0.0/104", "10.1.2.3 ::ffff:10.1.2.3", "192.168.0.1"},
		{"unique local", "fd00::/8", "fd12::1", "fc00::1 fd12::1%eth0 10.0.0.1"},
		{"everything of IPv6 is not IPv4", "::/0", "::1 fe80::1", "10.0.0.1 ::ffff:127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEgress(netip.MustParsePrefix(c.allow))
			for s := range strings.FieldsSeq(c.permitted) {
				if err := e.Permits(netip.MustParseAddr(s)); err != nil {
					t.Error(err)
				}
			}
			for s := range strings.FieldsSeq(c.refused) {
				if e.Permits(netip.MustParseAddr(s)) == nil {
					t.Errorf("%s is permitted", s)
				}
			}
		})
	}
}

func TestEgressControl(t *testing.T) {
	for _, c := range []struct {
		name, network, address, want string
	}{
		{"public", "tcp4", "8.8.8.8:443", ""},
		{"public, IPv6", "tcp6", "[2606:4700::1]:443", ""},
		{"private", "tcp4", "10.0.0.1:443",
			"dialling 10.0.0.1 (private use) is refused: only global unicast addresses are; allow_private names exceptions"},
		{"mapped", "tcp6", "[::ffff:127.0.0.1]:80",
			"dialling ::ffff:127.0.0.1 (loopback) is refused: only global unicast addresses are; " +
				"allow_private names exceptions"},
		{"zone", "tcp6", "[fe80::1%lo]:80",
			"dialling fe80::1%lo (with a zone) is refused: only global unicast addresses are; allow_private names exceptions"},
		{"udp", "udp4", "8.8.8.8:53", "dialling udp4 is refused: only tcp is allowed"},
		{"unix", "unix", "/run/caddy.sock", "dialling unix is refused: only tcp is allowed"},
		{"unresolved", "tcp4", "localhost:80", `reading the address to dial: ParseAddr("localhost"): unable to parse IP`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := NewEgress().Control(c.network, c.address, nil); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestEgressDialsNumericHosts has hosts that resolvers of some systems read as 127.0.0.1.
func TestEgressDialsNumericHosts(t *testing.T) {
	port, accepted := listenOn(t, "127.0.0.1", "0")
	for _, host := range []string{"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:7f00:1]",
		"0.0.0.0", "[::]", ""} {
		t.Run(host, func(t *testing.T) {
			d := net.Dialer{Control: NewEgress().Control, Resolver: answering(t)}
			conn, err := d.DialContext(t.Context(), "tcp", host+":"+port)
			if err == nil {
				_ = conn.Close()
				t.Fatal("it was dialled")
			}
		})
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

// TestEgressDialsByName dials what a name resolves to at that moment. 127.0.0.2 is allowed and
// stands for a public address, so that no packet leaves the machine.
func TestEgressDialsByName(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers [][]string // one for each dial
		want    []string   // where each ends up, or "" for a refusal
	}{
		{"private", [][]string{{"127.0.0.1"}}, []string{""}},
		{"private and public", [][]string{{"127.0.0.1", "127.0.0.2"}}, []string{"127.0.0.2"}},
		{"public and private", [][]string{{"127.0.0.2", "127.0.0.1"}}, []string{"127.0.0.2"}},
		{"changes between look-ups", [][]string{{"127.0.0.2"}, {"127.0.0.1"}, {"127.0.0.2"}},
			[]string{"127.0.0.2", "", "127.0.0.2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			port, private := listenOn(t, "127.0.0.1", "0")
			_, public := listenOn(t, "127.0.0.2", port)
			d := net.Dialer{Control: NewEgress(netip.MustParsePrefix("127.0.0.2/32")).Control,
				Resolver: answering(t, c.answers...)}
			permitted := 0
			for i, want := range c.want {
				got, err := dialOnce(t.Context(), d, "api.example.com:"+port)
				if got != want || (want == "") != errors.As(err, new(*EgressError)) {
					t.Errorf("dial %d reached %q with error %v, want %q", i, got, err, want)
				}
				if want != "" {
					permitted++
				}
			}
			if n, m := private(), public(); n != 0 || m != permitted {
				t.Errorf("%d connections to the private address, %d to the public one", n, m)
			}
		})
	}
}

// dialOnce returns the address that was reached.
func dialOnce(ctx context.Context, d net.Dialer, address string) (string, error) {
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	reached, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	return reached, err
}

// listenOn listens; accepted stops that and returns how many connections arrived. Those that the
// kernel has queued come before the one that accepted makes itself, to mark the end.
func listenOn(t *testing.T, host, port string) (boundPort string, accepted func() int) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, boundPort, _ = net.SplitHostPort(l.Addr().String())
	return boundPort, func() int {
		last, err := new(net.Dialer).DialContext(t.Context(), "tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = last.Close() }()
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			if conn.RemoteAddr().String() == last.LocalAddr().String() {
				return n
			}
		}
	}
}

// answering returns a resolver that asks a DNS server of its own. Each look-up of addresses gets
// the next of answers, and those after the last no such name.
func answering(t *testing.T, answers ...[]string) *net.Resolver {
	t.Helper()
	server, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		query := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return // closed
			}
			reply, used := dnsReply(t, query[:n], answers)
			if used {
				answers = answers[1:]
			}
			if _, err := server.WriteTo(reply, from); err != nil {
				t.Errorf("answering a query: %v", err)
			}
		}
	})
	t.Cleanup(func() { _ = server.Close(); serving.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", server.LocalAddr().String())
	}}
}

// dnsReply answers one query with the first of answers, if it asks for A records.
func dnsReply(t *testing.T, query []byte, answers [][]string) (reply []byte, used bool) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		t.Errorf("a query with %d questions: %v", len(m.Questions), err)
		return nil, false
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	if len(answers) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	} else if q.Type == dnsmessage.TypeA {
		used = true
		for addr := range slices.Values(answers[0]) {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()},
			})
		}
	}
	reply, err := m.Pack()
	if err != nil {
		t.Errorf("packing an answer: %v", err)
	}
	return reply, used
}
