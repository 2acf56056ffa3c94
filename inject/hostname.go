package inject

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// insideHost accepts a host that the operator wrote for software in their own network: what
// [hostName] does, and a name of one label (`gitea:3000`, `localhost`), an address of IPv4 or one
// of IPv6 in brackets (RFC 3986, section 3.2.2), each with an optional port. Which addresses may be
// dialled is for the app's allow_private to say, at the dial.
//
// Container networks have names with underscores, which no public host does. What is a number and
// no address in its usual form is refused: resolvers read such differently.
func insideHost(v string) (string, error) {
	name, port, err := splitPort(v)
	if err != nil {
		return "", err
	}
	bare, closed := strings.CutSuffix(strings.TrimPrefix(name, "["), "]")
	addr, err := netip.ParseAddr(bare)
	isV6 := strings.HasPrefix(name, "[") && closed && addr.Is6() && addr.Zone() == ""
	switch {
	case err == nil && isV6:
		return "[" + addr.String() + "]" + port, nil
	case err == nil && addr.Is4() && bare == name:
		return name + port, nil
	case err == nil || name != bare:
		return "", errors.New("must be an address written like 10.0.0.7 or [fd00::7]")
	}
	if !isInsideName(name) || !plainInternational(name) {
		return "", errors.New("is neither a host name nor an address")
	}
	return name + port, nil
}

func isInsideName(name string) bool {
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if _, err := hostLabel(strings.ReplaceAll(label, "_", "x")); err != nil {
			return false
		}
		last = label
	}
	return !isNumber(last) && len(name) <= maxHostName
}

// maxHostName bounds a host name, in bytes (RFC 1035, section 2.3.4).
const maxHostName = 253

// dnsLabels accepts labels joined by dots, of up to half of the longest host name, so that the rest
// of it has its place.
func dnsLabels(v string) (string, error) {
	if len(v) > maxHostName/2 {
		return "", errors.New("is too long for a part of a host name")
	}
	for label := range strings.SplitSeq(v, ".") {
		if _, err := dnsLabel(label); err != nil {
			return "", errors.New("cannot be part of a host name")
		}
	}
	return v, nil
}

// hostName accepts a host name with at least two labels and an optional port. What it resolves to
// is for the dialer to judge.
func hostName(v string) (string, error) {
	name, port, err := splitPort(v)
	if err != nil {
		return "", err
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if _, err := hostLabel(label); err != nil {
			return "", errors.New("is not a host name")
		}
	}
	if !plainInternational(name) {
		return "", errors.New("is not an international host name in its standard form")
	}
	if _, err := netip.ParseAddr(name); err == nil || isNumber(labels[len(labels)-1]) || len(labels) < 2 ||
		len(name) > maxHostName {
		return "", errors.New("is not a public host name")
	}
	return name + port, nil
}

// splitPort splits a host and its port, which keeps its colon.
func splitPort(v string) (name, port string, err error) {
	i := strings.LastIndexByte(v, ':')
	if i <= strings.LastIndexByte(v, ']') {
		return v, "", nil
	}
	if n, err := strconv.ParseUint(v[i+1:], 10, 16); err != nil || n == 0 {
		return "", "", errors.New("has an invalid port")
	}
	return v[:i], v[i:], nil
}

// isNumber reports whether a name that ends in label is an address to some resolvers: 2130706433,
// 0x7f.1 and 127.1 are (WHATWG URL, section 3.5).
func isNumber(label string) bool {
	return strings.Trim(label, "0123456789") == "" || strings.HasPrefix(strings.ToLower(label), "0x")
}

// dnsLabel is [hostLabel] without punycode: no account name needs it, and it makes look-alikes.
func dnsLabel(v string) (string, error) {
	if isPunycode(v) {
		return "", errNoLabel
	}
	return hostLabel(v)
}

var errNoLabel = errors.New("is not a single DNS label")

// hostLabel accepts one label of a host name (RFC 1123, section 2.1).
func hostLabel(v string) (string, error) {
	ok := len(v) > 0 && len(v) <= 63 && v[0] != '-' && v[len(v)-1] != '-'
	for i := 0; ok && i < len(v); i++ {
		c := v[i] | 0x20
		ok = 'a' <= c && c <= 'z' || '0' <= v[i] && v[i] <= '9' || v[i] == '-'
	}
	if !ok {
		return "", errNoLabel
	}
	return v, nil
}

// isPunycode reports whether a label is one of an international name in its ASCII form (RFC 5890,
// section 2.3.2.5).
func isPunycode(label string) bool { return len(label) >= 4 && strings.EqualFold(label[:4], "xn--") }

// plainInternational reports whether the labels of name that are punycode say what the name's own
// form says: others are read in one way by some programs and in another by others.
func plainInternational(name string) bool {
	if !strings.Contains(strings.ToLower(name), "xn--") {
		return true
	}
	shown, err := idna.Lookup.ToUnicode(name)
	if err != nil {
		return false
	}
	ascii, err := idna.Lookup.ToASCII(shown)
	return err == nil && strings.EqualFold(ascii, name)
}

// isLinkHost accepts the names that links may have, which include those of a private network.
func isLinkHost(name string) bool {
	if name == "" || len(name) > maxHostName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if _, err := hostLabel(label); err != nil {
			return false
		}
	}
	return true
}

// cutPort splits a host and its port, which keeps its colon and is empty where it is one that a
// scheme has anyway.
func cutPort(host string) (name, port string) {
	colon := strings.LastIndexByte(host, ':')
	if colon <= strings.LastIndexByte(host, ']') {
		return host, ""
	}
	name, port = host[:colon], host[colon:]
	if port == ":" || port == ":80" || port == ":443" {
		port = ""
	}
	return name, port
}

// sameHost compares two hosts with their ports. Those of http and https are like none: behind a
// proxy that ends TLS, a site may name itself by the other scheme, or by one scheme and the other's
// port, and is the same site. A link is fetched from the connection's own host all the same.
func sameHost(host, other string) bool {
	name, port := cutPort(host)
	otherName, otherPort := cutPort(other)
	return port == otherPort && strings.EqualFold(asciiName(name), asciiName(otherName))
}

// asciiName is a host name without the dot of the root, and an international one in its ASCII form.
// To find that takes time that grows with the square of the length, so that what is too long for a
// name stays as it is.
func asciiName(name string) string {
	name = strings.TrimSuffix(name, ".")
	if onlyASCII(name) || len(name) > maxHostName {
		return name
	}
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return name
}

// asciiHost is a host with its name in ASCII, for what is compared with many. It is empty where an
// international name has no such form.
func asciiHost(host string) string {
	if onlyASCII(host) {
		return host
	}
	name, port := cutPort(host)
	if name = asciiName(name); !onlyASCII(name) {
		return ""
	}
	return name + port
}

func onlyASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isBareHost reports whether v is a host name of two labels or more, or an address of IPv4, with or
// without a port.
func isBareHost(v string) bool {
	name, port, ported := strings.Cut(v, ":")
	if len(v) > maxHostName+len(":65535") || !strings.Contains(name, ".") ||
		ported && strings.Trim(port, "0123456789") != "" {
		return false
	}
	for i := range len(name) {
		if !isAlnum(name[i]) && name[i] != '-' && name[i] != '.' && name[i] != '_' {
			return false
		}
	}
	return true
}

// isPlainHost accepts host names in ASCII and addresses, with a port or without.
func isPlainHost(host string) bool {
	for i := range len(host) {
		if !isAlnum(host[i]) && strings.IndexByte("-._:[]", host[i]) < 0 {
			return false
		}
	}
	return len(host) <= maxHostName+len(":65535")
}
