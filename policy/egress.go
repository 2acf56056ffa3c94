package policy

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// Egress says which addresses may be dialled: global unicast ones, and what the operator allows
// besides them. It is immutable and safe for parallel use.
//
// Names are never checked, only the address that a socket is about to connect to
// ([Egress.Control]): a name may resolve to another address a moment later, and a numeric host may
// be spelled in octal.
type Egress struct{ allow []netip.Prefix }

// NewEgress returns the egress that permits global unicast addresses and those in allow. A prefix
// of IPv4 covers the IPv4-mapped spelling as well.
func NewEgress(allow ...netip.Prefix) *Egress {
	e := &Egress{allow: make([]netip.Prefix, 0, len(allow))}
	for _, p := range allow {
		if p.Addr().Is4In6() && p.Bits() >= mappedBits {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
		}
		e.allow = append(e.allow, p)
	}
	return e
}

// mappedBits is the length of ::ffff:0:0/96, before the IPv4 address (RFC 4291, section 2.5.5.2).
const mappedBits = 96

// EgressError refuses an address.
type EgressError struct {
	// Addr is the address as it was to be dialled.
	Addr netip.Addr
	// Class says what it is: "private use", "loopback".
	Class string
}

func (e *EgressError) Error() string {
	return fmt.Sprintf("dialling %s (%s) is refused: only global unicast addresses are; allow_private names exceptions",
		e.Addr, e.Class)
}

// Control refuses what [Egress.Permits] does. It is made for net.Dialer.Control: there, address is
// the one that the socket connects to, after every look-up and for each address that is tried, so
// that nothing can change between the check and the dial.
func (e *Egress) Control(network, address string, _ syscall.RawConn) error {
	// A dialer says tcp4 or tcp6 once it has an address. Anything else (a unix socket, udp, raw IP) is
	// no way to an upstream.
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("dialling %s is refused: only tcp is allowed", network)
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("reading the address to dial: %w", err)
	}
	return e.Permits(target.Addr())
}

// Permits returns an *[EgressError] unless addr may be dialled.
func (e *Egress) Permits(addr netip.Addr) error {
	if class := e.refused(addr); class != "" {
		return &EgressError{Addr: addr, Class: class}
	}
	return nil
}

// refused returns the class for which addr is refused, or "". An address that carries one of IPv4
// is classified as that one, since that is where its packets end.
func (e *Egress) refused(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return "no address"
	case addr.Zone() != "":
		// Zones belong to link-local scope; on another address one would only hide it from a comparison.
		return "with a zone"
	}
	addr = addr.Unmap()
	if slices.ContainsFunc(e.allow, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return ""
	}
	if addr.Is4() {
		return classOf(addr, special4)
	}
	for _, carrier := range carriers {
		if carrier.prefix.Contains(addr) {
			bytes := addr.As16()
			if class := e.refused(netip.AddrFrom4([4]byte(bytes[carrier.offset:]))); class != "" {
				return carrier.name + " of " + class
			}
			return ""
		}
	}
	if class := classOf(addr, special6); class != "" {
		return class
	}
	if !globalUnicast6.Contains(addr) {
		return "outside IPv6 global unicast"
	}
	return ""
}

// Compile-time check that Control fits where it belongs.
var _ = net.Dialer{Control: (*Egress)(nil).Control}

// carriers are prefixes of IPv6 that carry a whole IPv4 address in plain sight, from byte offset
// on.
var carriers = []struct {
	prefix netip.Prefix
	name   string
	offset int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64", 12}, // RFC 6052; how hosts without IPv4 reach it
	{netip.MustParsePrefix("2002::/16"), "6to4", 2},      // RFC 3056
}

// globalUnicast6 is all that IANA hands out for global unicast
// (https://www.iana.org/assignments/ipv6-address-space).
var globalUnicast6 = netip.MustParsePrefix("2000::/3")

type addressClass struct {
	prefix netip.Prefix
	name   string
}

func classOf(addr netip.Addr, classes []addressClass) string {
	for _, c := range classes {
		if c.prefix.Contains(addr) {
			return c.name
		}
	}
	return ""
}

// special4 is what of IPv4 is not global unicast
// (https://www.iana.org/assignments/iana-ipv4-special-registry), and one address that only seems to
// be.
var special4 = []addressClass{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},          // RFC 791; Linux dials itself
	{netip.MustParsePrefix("10.0.0.0/8"), "private use"},          // RFC 1918
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by carrier"}, // RFC 6598
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},            // RFC 1122
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},       // RFC 3927; metadata services
	{netip.MustParsePrefix("172.16.0.0/12"), "private use"},       // RFC 1918
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignment"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},    // RFC 5737
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},     // RFC 7526
	{netip.MustParsePrefix("192.168.0.0/16"), "private use"},    // RFC 1918
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},    // RFC 2544
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"}, // RFC 5737
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},  // RFC 5737
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},         // RFC 5771
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},          // RFC 1112, with 255.255.255.255
	// a public address that each Azure host routes to its own agent
	{netip.MustParsePrefix("168.63.129.16/32"), "Azure's platform"},
}

// special6 is what of IPv6 is not global unicast
// (https://www.iana.org/assignments/iana-ipv6-special-registry). What lies outside 2000::/3 would
// be refused without an entry; it is listed to be called by its name.
var special6 = []addressClass{
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("::/96"), "IPv4-compatible"},      // RFC 4291, section 2.5.5.1
	{netip.MustParsePrefix("64:ff9b:1::/48"), "local NAT64"}, // RFC 8215
	{netip.MustParsePrefix("100::/64"), "discard"},           // RFC 6666
	{netip.MustParsePrefix("2001::/32"), "Teredo"},           // RFC 4380; its IPv4 address is the tunnel's, and masked
	{netip.MustParsePrefix("2001:10::/28"), "ORCHID"},        // RFC 4843
	{netip.MustParsePrefix("2001:20::/28"), "ORCHID"},        // RFC 7343
	{netip.MustParsePrefix("2001::/23"), "protocol assignment"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"}, // RFC 3849
	{netip.MustParsePrefix("3fff::/20"), "documentation"},     // RFC 9637
	{netip.MustParsePrefix("5f00::/16"), "segment routing"},   // RFC 9602
	{netip.MustParsePrefix("fc00::/7"), "unique local"},       // RFC 4193
	{netip.MustParsePrefix("fe80::/10"), "link-local"},        // RFC 4291
	{netip.MustParsePrefix("fec0::/10"), "site-local"},        // RFC 3879
	{netip.MustParsePrefix("ff00::/8"), "multicast"},          // RFC 4291
}
